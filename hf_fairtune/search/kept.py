"""What a model of a search leaves on disk for a later choice: its scores, and the weights that its training moved."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..errors import FairTuneError
from ..folder import write_atomically

FOLDER = "trials"


def place(folder: Path, trial: int, fold: int | None = None) -> Path:
    """Return where the scores of a trial, or of its model of one fold, lie in a run's folder."""
    return folder / FOLDER / f"{_name(trial, fold)}.npy"


def weights_place(folder: Path, trial: int, fold: int | None = None) -> Path:
    """Return where the weights of a trial, or of its model of one fold, lie in a run's folder."""
    return folder / FOLDER / f"{_name(trial, fold)}.safetensors"


def kept_weights(folder: Path, trial: int) -> list[Path]:
    """List where a trial kept weights in a run's folder: one file, or one of each fold."""
    whole = weights_place(folder, trial)
    return [whole] if whole.is_file() else sorted(whole.parent.glob(f"{trial}-*.safetensors"))


def write_scores(path: Path, scores: np.ndarray) -> None:
    """Write scores, [n] or of several classes [n, k], as float64, whole or not at all."""
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(scores, dtype=np.float64))
    write_atomically(path, buffer.getvalue())


def read_scores(path: Path, n: int, classes: int = 0) -> np.ndarray:
    """Read the scores of `n` rows, float64 [n], or of several classes [n, classes].

    Raises:
        FairTuneError: there are none, or they are of other rows.
    """
    try:
        scores: np.ndarray = np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise FairTuneError(
            f"`{path}` is missing or cut short, so that its trial cannot be weighed; choose the selection `best`, or "
            "search again in another output_dir."
        ) from error
    if scores.shape != ((n, classes) if classes else (n,)):
        raise FairTuneError(f"`{path}` has scores of shape {scores.shape} for {n} rows; search in another output_dir.")
    return scores


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write tensors by name, whole or not at all; see `families.moved` for those that a training moved."""
    write_atomically(path, save({name: values.contiguous() for name, values in weights.items()}))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a trial by name.

    Raises:
        FairTuneError: there are none, or the file is cut short.
    """
    try:
        return load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise FairTuneError(
            f"`{path}` is missing or cut short, so that its trial cannot be combined; choose the combination `none`, "
            "or search again in another output_dir."
        ) from error


def _name(trial: int, fold: int | None) -> str:
    return str(trial) if fold is None else f"{trial}-{fold}"
