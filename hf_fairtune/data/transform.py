"""Rows of the pixel cache as tensors of a batch, for `Dataset.with_transform`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset

from .augment import Draws, unseeded
from .augmentations import Augmentation
from .pixels import cached_pixels
from .processors import colours
from .stored_views import StoredView


@dataclass
class PixelTransform:
    """Turn a batch of rows into `pixel_values`, `labels` and `groups`.

    Without augmentation the pixels are those of the image processor. Workers receive the transform by pickle and
    open the memory map themselves.

    Args:
        pixels: the `.npy` file, uint8, shape `(rows, 3, height, width)`.
        scale: factor of every colour, shape `(3,)`.
        shift: what is then added to every colour, shape `(3,)`.
        augmentation: makes new images of them at each use, in training; None for the plain ones.
        views: of each image in training, one an epoch in turn; 0 for as many as there are epochs.
        view: of the epoch, where there are `views`; the training sets it.
        draws: of the rows that are read, where each use draws; None for torch's global generator.
    """

    pixels: Path
    scale: tuple[float, ...]
    shift: tuple[float, ...]
    augmentation: Augmentation | None = None
    views: int = 0
    view: StoredView = StoredView(0, 0)
    draws: Draws | None = field(default=None, init=False, repr=False, compare=False)
    _map: np.ndarray | None = field(default=None, init=False, repr=False, compare=False)

    def __call__(self, batch: dict[str, list[Any]]) -> dict[str, Any]:
        """Return the tensors of a batch; a query of single columns passes unchanged."""
        if "row" not in batch or "labels" not in batch:
            return batch
        several = isinstance(batch["labels"][0], list)
        return {
            "pixel_values": self.pixel_values(batch["row"]),
            "labels": torch.tensor(batch["labels"], dtype=torch.float32 if several else torch.int64),
            "groups": torch.tensor(batch["groups"], dtype=torch.int64),
        }

    @property
    def is_fixed(self) -> bool:
        """Tell whether a row of the view is the same whenever it is asked for."""
        return self.augmentation is None or self.views > 0

    def pixel_values(self, rows: list[int]) -> torch.Tensor:
        """Return the pixel values of some rows, float32 [n, 3, height, width]."""
        if self.augmentation is None:
            return self.images(rows, coloured=True)
        draws = self.view.draws(rows) if self.views else self.draws or unseeded(len(rows))
        return self._colour(self.augmentation(rows, self.images, draws))

    def images(self, rows: list[int], *, coloured: bool = False) -> torch.Tensor:
        """Return the cached images as floats from 0 to 255, or as pixel values, shape `(n, 3, height, width)`."""
        if self._map is None:
            # Private pages, so that torch may have what must not be written.
            self._map = np.load(self.pixels, mmap_mode="c")
        # NumPy takes large pages from the system, torch small ones.
        images = torch.from_numpy(np.empty((len(rows), *self._map.shape[1:]), np.float32))
        for image, row in zip(images, rows, strict=True):
            image.copy_(torch.from_numpy(self._map[row]))
            if coloured:
                self._colour(image)
        return images

    def _colour(self, images: torch.Tensor) -> torch.Tensor:
        """Scale and shift each colour in place, [..., 3, height, width]."""
        scale, shift = (torch.tensor(v, dtype=images.dtype).view(-1, 1, 1) for v in (self.scale, self.shift))
        return images.mul_(scale).add_(shift)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open memory map out of the pickle."""
        return self.__dict__ | {"_map": None}


def transform_of(part: Dataset) -> PixelTransform:
    """Return what turns the rows of a split to tensors."""
    transform: PixelTransform = part.format["format_kwargs"]["transform"]
    return transform


def transform_in(part: Any) -> PixelTransform | None:
    """Return what turns the rows of a split to tensors, or None where it is none of ours."""
    if not isinstance(part, Dataset) or "row" not in part.column_names or part.format["type"] != "custom":
        return None
    transform = part.format["format_kwargs"].get("transform")
    return transform if isinstance(transform, PixelTransform) else None


def cached_transform(images: Dataset, stamps: list[str], processor: Any, folder: Path) -> PixelTransform:
    """Return the transform that gives a processor's pixels from its cache, which is built where it is not."""
    scale, shift = (tuple(values.tolist()) for values in colours(processor))
    return PixelTransform(cached_pixels(images, stamps, processor, folder), scale, shift)
