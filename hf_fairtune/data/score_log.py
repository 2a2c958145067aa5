"""Logits kept while a model works through its images: a killed run goes on where it was."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from ..errors import FairTuneError, first_line
from .identity import digest


class ScoreLog:
    """A file of float32 scores, [rows done, columns], to which whole batches are added.

    Args:
        path: of the file; None keeps nothing.
        columns: scores a row.
        batch: rows at a time; of a batch that was cut short nothing is taken.
    """

    def __init__(self, path: Path | None, columns: int, batch: int) -> None:
        self._path = path
        kept = np.fromfile(path, dtype=np.float32) if path is not None and path.is_file() else np.empty(0, np.float32)
        whole = len(kept) // (columns * batch) * batch
        self.done: np.ndarray = kept[: whole * columns].reshape(whole, columns)
        if path is not None and path.is_file():
            os.truncate(path, self.done.nbytes)

    def add(self, scores: np.ndarray) -> None:
        """Write the scores of one batch, [rows, columns], to the disk."""
        if self._path is None:
            return
        try:
            with self._path.open("ab") as file:
                file.write(scores.astype(np.float32).tobytes())
        except OSError as error:
            raise FairTuneError(
                f"`{self._path.parent}` could not take the scores ({first_line(error)}); free some space or name "
                "another folder by --data_cache."
            ) from error


@contextmanager
def score_log(folder: Path, key: str, columns: int, batch: int) -> Iterator[ScoreLog]:
    """Open the log of `key` in `folder`; where another process writes it, this one keeps nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"logits-{key}.f32"
    lock = FileLock(f"{path}.lock")
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        yield ScoreLog(None, columns, batch)
        return
    with held:
        yield ScoreLog(path, columns, batch)


def score_key(model: Any, processor: Any, stamps: Sequence[str], batch: int) -> str:
    """Name what scores depend on: weights, configuration, image processor, images, device and batch."""
    weights = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        weights.update(name.encode() + str(tensor.dtype).encode())
        weights.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    device = str(next(model.parameters()).device)
    settings = [type(processor).__name__, processor.to_dict(), model.config.to_dict(), device, batch]
    return digest([weights.hexdigest(), settings, list(stamps)])
