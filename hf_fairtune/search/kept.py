"""What a model of a search leaves on disk for a later choice: its scores, and the weights that its training moved."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from ..errors import FairTuneError, first_line
from ..files.atomic import write_atomically

FOLDER = "trials"
DIGEST, CHECKSUM = hashlib.sha256().digest_size, "sha256"


class DamagedError(FairTuneError):
    """A file of a trial is not as it was written."""


def place(folder: Path, trial: int, fold: int | None = None) -> Path:
    """Return where the scores of a trial, or of its model of one fold, lie in a run's folder."""
    return folder / FOLDER / f"{_name(trial, fold)}.npy"


def weights_place(folder: Path, trial: int, fold: int | None = None) -> Path:
    """Return where the weights of a trial, or of its model of one fold, lie in a run's folder."""
    return folder / FOLDER / f"{_name(trial, fold)}.safetensors"


def memory_place(folder: Path, trial: int) -> Path:
    """Return the file that says, in a run's folder, that memory ran out in a trial of several processes."""
    return folder / FOLDER / f"{trial}.memory"


def kept_weights(folder: Path, trial: int) -> list[Path]:
    """List where a trial kept weights in a run's folder: one file, or one of each fold."""
    whole = weights_place(folder, trial)
    return [whole] if whole.is_file() else sorted(whole.parent.glob(f"{trial}-*.safetensors"))


def write_scores(path: Path, scores: np.ndarray) -> None:
    """Write scores, [n] or of several classes [n, k], as float64, with their SHA-256 behind; whole or not at all."""
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(scores, dtype=np.float64))
    content = buffer.getvalue()
    write_atomically(path, content + hashlib.sha256(content).digest())


def read_scores(path: Path, n: int, classes: int = 0) -> np.ndarray:
    """Read the scores of `n` rows, float64 [n], or of several classes [n, classes].

    Raises:
        DamagedError: there are none, or they are not as they were written.
        FairTuneError: they are of other rows.
    """
    try:
        content = path.read_bytes()
        if hashlib.sha256(content[:-DIGEST]).digest() != content[-DIGEST:]:
            raise ValueError("it is not as it was written")
        scores: np.ndarray = np.load(io.BytesIO(content))
    except (OSError, ValueError) as error:
        raise DamagedError(
            f"`{path}` is missing or damaged ({first_line(error)}), so that its trial cannot be weighed; choose the "
            "selection `best`, or search again in another output_dir."
        ) from error
    if scores.shape != ((n, classes) if classes else (n,)):
        raise FairTuneError(f"`{path}` has scores of shape {scores.shape} for {n} rows; search in another output_dir.")
    return scores


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write tensors by name, whole or not at all; see `families.moved` for those that a training moved.

    The file's metadata hold the SHA-256 of what it is without them.
    """
    whole = {name: values.contiguous() for name, values in weights.items()}
    write_atomically(path, save(whole, {CHECKSUM: hashlib.sha256(save(whole)).hexdigest()}))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a trial by name.

    Raises:
        DamagedError: there are none, or they are not as they were written.
    """
    try:
        with safe_open(path, "pt") as file:
            known = (file.metadata() or {}).get(CHECKSUM)
        found = load(path.read_bytes())
        if hashlib.sha256(save(found)).hexdigest() != known:
            raise ValueError("it is not as it was written")
        return found
    except (OSError, ValueError, SafetensorError) as error:
        raise DamagedError(
            f"`{path}` is missing or damaged ({first_line(error)}), so that its trial cannot be combined; choose the "
            "combination `none`, or search again in another output_dir."
        ) from error


def _name(trial: int, fold: int | None) -> str:
    return str(trial) if fold is None else f"{trial}-{fold}"
