"""Logits kept while a model works through its images: a killed run goes on where it was."""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from ..errors import FairTuneError, first_line

DIGEST = hashlib.sha256().digest_size


class ScoreLog:
    """A file of float32 scores, [rows done, columns], to which whole batches are added, each with its SHA-256.

    What lies behind a batch that is not as it was written is removed, and scored again.

    Args:
        path: of the file; None keeps nothing.
        columns: scores a row.
        batch: rows at a time; of a batch that was cut short nothing is taken.
    """

    def __init__(self, path: Path | None, columns: int, batch: int) -> None:
        self._path = path
        self._added = 0
        whole = b"" if path is None or not os.path.lexists(path) else self._read(path, 4 * columns * batch)
        self.done: np.ndarray = np.frombuffer(whole, dtype=np.float32).reshape(-1, columns)

    def add(self, scores: np.ndarray) -> None:
        """Write the scores of one batch, [rows, columns], to the disk."""
        if self._path is None:
            return
        try:
            with self._path.open("ab") as file:
                content = scores.astype(np.float32).tobytes()
                file.write(content + self._sum(content))
                self._added += 1
        except OSError as error:
            raise FairTuneError(
                f"`{self._path.parent}` could not take the scores ({first_line(error)}); free some space or name "
                "another folder by --data_cache."
            ) from error

    def _read(self, path: Path, size: int) -> bytes:
        """Return the whole batches, of so many bytes each, and cut the file behind them."""
        found, reason = [], ""
        try:
            with path.open("rb") as file:
                while len(record := file.read(size + DIGEST)) == size + DIGEST:
                    if self._sum(record[:size]) != record[size:]:
                        reason = "a batch is not as it was written"
                        break
                    found.append(record[:size])
                    self._added += 1
            os.truncate(path, self._added * (size + DIGEST))
        except OSError as error:
            raise FairTuneError(f"`{path}` cannot be read ({first_line(error)}); remove it.") from error
        if reason:
            print(f"note: `{path}` is damaged ({reason}); images from there on are scored again", file=sys.stderr)
        return b"".join(found)

    def _sum(self, content: bytes) -> bytes:
        """Return the checksum of the next batch, which is of this file and at this place."""
        place = f"{self._path.name if self._path else ''} {self._added} "
        return hashlib.sha256(place.encode() + content).digest()


@contextmanager
def score_log(folder: Path, key: str, columns: int, batch: int) -> Iterator[ScoreLog]:
    """Open the log of `key` in `folder`; where another process writes it, this one keeps nothing."""
    path = folder / f"logits-{key}.f32"
    lock = FileLock(f"{path}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = lock.acquire(timeout=0)
    except Timeout:
        yield ScoreLog(None, columns, batch)
        return
    except OSError as error:
        raise FairTuneError(
            f"`{folder}` cannot be written to ({first_line(error)}); name another folder by --data_cache."
        ) from error
    with held:
        yield ScoreLog(path, columns, batch)
