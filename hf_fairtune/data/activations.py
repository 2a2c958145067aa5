"""What frozen layers gave for the rows of a split, kept in a memory-mapped file beside the pixels."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import FairTuneError, first_line
from .array_file import ArrayFile, Parts, sweep
from .transform import PixelTransform

NAME, KIND = "activations-", "<f4"


@dataclass
class ActivationTransform(PixelTransform):
    """Turn a batch of rows into what was kept of them, as `pixel_values`, and their labels and groups.

    Args:
        kept_rows: the rows of the file, rising and each once, [n].
        file: the `.npy` file, float32 [n, tokens, width].
    """

    kept_rows: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    file: Path = Path()
    _kept: np.ndarray | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, transform: PixelTransform, rows: np.ndarray) -> "ActivationTransform":
        """Return the transform for rows of another one, which has no file yet."""
        settings = (transform.pixels, transform.scale, transform.shift, transform.augmentation, transform.views)
        return cls(*settings, transform.view, kept_rows=np.unique(rows))

    @property
    def content(self) -> list[object]:
        """Return what decides the pixels that the outputs are of."""
        draws = [repr(self.augmentation), self.views, self.view.seed, self.view.number] if self.augmentation else []
        return [self.pixels.name, self.scale, self.shift, draws, self.kept_rows.tolist()]

    def show(self, file: Path) -> None:
        """Read from `file` from here on; mapped at once, it stays readable where another process removes it."""
        self.file, self._kept = file, np.load(file, mmap_mode="r")

    def pixel_values(self, rows: list[int]) -> Tensor:
        """Return what was kept of some rows, float32 [n, tokens, width]."""
        if self._kept is None:
            self._kept = np.load(self.file, mmap_mode="r")
        return torch.from_numpy(self._kept[np.searchsorted(self.kept_rows, rows)])

    def pixels_of(self, rows: list[int]) -> Tensor:
        """Return the pixel values of some rows, float32 [n, 3, height, width]."""
        return super().pixel_values(rows)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open memory maps out of the pickle."""
        return super().__getstate__() | {"_kept": None}


@dataclass(frozen=True)
class ActivationStore:
    """The files in a folder, of so many bytes altogether at most; those unused for longest make room for new ones."""

    folder: Path
    limit: float

    def path(self, key: str) -> Path:
        """Return the file of a key, which may not be there."""
        return self.folder / f"{NAME}{key}.npy"

    def fitting(self, sizes: Mapping[str, float]) -> list[str]:
        """Return the names whose bytes fit one after another: in the limit, and on the disk with as much to spare."""
        held = sum(path.stat().st_size for path in self._files())
        place = next(path for path in (self.folder, *self.folder.absolute().parents) if path.exists())
        left, found = min(self.limit, (shutil.disk_usage(place).free + held) / 2), []
        for name, size in sizes.items():
            if size <= left:
                found.append(name)
                left -= size
        return found

    def use(self, path: Path, rows: int) -> bool:
        """Note that the file of so many rows is needed; return whether it is there, and as it was written."""
        if not os.path.lexists(path):
            return False
        try:
            file = ArrayFile(path, KIND, (rows, *np.load(path, mmap_mode="r").shape[1:]))
            reason = file.damage()
        except Exception as error:  # NumPy raises anything on a broken header
            reason = first_line(error)
        if reason is None:
            file.touch()
            return True
        line = f"note: `{path}` is damaged ({reason}); the outputs of frozen layers are calculated again"
        print(line, file=sys.stderr)
        return False

    def write(self, path: Path, rows: int, parts: Parts) -> None:
        """Write the float32 parts [some, tokens, width] of so many rows, which follow each other from a row on.

        Raises:
            FairTuneError: the disk is full.
        """
        every = iter(parts(0))
        first = next(every)
        try:
            sweep(self.folder, NAME)
            self._make_room(first.nbytes // len(first) * rows)
            file = ArrayFile(path, KIND, (rows, *first.shape[1:]))
            file.write(lambda start: parts(start) if start else chain([first], every))
        except OSError as error:
            raise FairTuneError(
                f"`{self.folder}` could not take the outputs of frozen layers ({first_line(error)}); free some space, "
                "name another folder by --data_cache, or keep none by --activation_gb 0."
            ) from error

    def _files(self) -> Iterator[Path]:
        return (path for path in self.folder.glob(f"{NAME}*.npy") if path.is_file())

    def _make_room(self, size: int) -> None:
        """Remove the files unused for longest until `size` bytes more are within the limit."""
        found = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self._files())
        held = sum(bytes for _, bytes, _ in found)
        for _, bytes, path in found:
            if held + size <= self.limit:
                return
            path.unlink(missing_ok=True)
            held -= bytes
