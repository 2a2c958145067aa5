"""Images of a table as an image processor, any one, gives their pixels: a batch at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor

from ..errors import FairTuneError
from .identity import encoded
from .limits import check_sides
from .pixels import decoded
from .processors import check_plain
from .transform import cached_transform


@dataclass(frozen=True)
class ProcessedImages:
    """Images, and what makes pixels of them.

    Args:
        images: of a table, undecoded.
        stamps: one an image, which changes when the image does.
        processor: of transformers.
        cache: folder of the decoded pixels.
    """

    images: Dataset
    stamps: list[str]
    processor: Any
    cache: Path

    def __len__(self) -> int:
        return len(self.stamps)

    def decode(self) -> None:
        """Build the pixel cache where the processor has one."""
        if len(self) and is_plain(self.processor):
            cached_transform(self.images, self.stamps, self.processor, self.cache)

    def batches(self, size: int, rows: range) -> Iterator[list[Tensor]]:
        """Yield the pixels of some images, in their order, as the image processor gives them.

        They come from the pixel cache, which is built where it is not; images of a processor that does more than
        resize, crop, rescale and normalise are processed one by one, each time.

        A batch is one tensor [n, 3, height, width], or one an image where their sizes differ.
        """
        check_sides(self.processor)
        parts = [range(start, min(start + size, rows.stop)) for start in range(rows.start, rows.stop, size)]
        if parts and is_plain(self.processor):
            transform = cached_transform(self.images, self.stamps, self.processor, self.cache)
            yield from ([transform.pixel_values(list(part))] for part in parts)
            return
        for part in parts:
            pixels = [*self._one_by_one(part)]
            yield [torch.cat(pixels)] if len({one.shape for one in pixels}) == 1 else pixels

    def _one_by_one(self, rows: range) -> Iterator[Tensor]:
        for row, item in enumerate(encoded(self.images, rows.start, rows.stop), rows.start):
            image = decoded(row, item)
            if isinstance(image, str):
                raise FairTuneError(f"An image cannot be decoded: {image}; replace this file or drop its row.")
            yield self.processor(image, return_tensors="pt")["pixel_values"]


def is_plain(processor: Any) -> bool:
    """Say whether a processor only resizes and crops to one size, rescales and normalises."""
    try:
        check_plain(processor)
    except (FairTuneError, AttributeError):  # one without these settings does something else
        return False
    return True
