"""The scores that a model of a search gave, kept on disk for a later choice."""

import io
from pathlib import Path

import numpy as np

from ..errors import FairTuneError
from ..folder import write_atomically

FOLDER = "trials"


def place(folder: Path, trial: int) -> Path:
    """Return where the validation scores of a trial lie in a run's folder."""
    return folder / FOLDER / f"{trial}.npy"


def write_scores(path: Path, scores: np.ndarray) -> None:
    """Write scores, [n], as float64, whole or not at all."""
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(scores, dtype=np.float64))
    write_atomically(path, buffer.getvalue())


def read_scores(path: Path, n: int) -> np.ndarray:
    """Read the scores of `n` rows, float64 [n].

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
    if scores.shape != (n,):
        raise FairTuneError(f"`{path}` has scores of shape {scores.shape} for {n} rows; search in another output_dir.")
    return scores
