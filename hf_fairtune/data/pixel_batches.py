"""Pixel values of a table of images, a batch at a time, by any image processor."""

from collections.abc import Iterator
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


def pixel_batches(
    images: Dataset,
    stamps: list[str],
    processor: Any,
    cache: Path,
    batch_size: int,
    rows: range,
) -> Iterator[list[Tensor]]:
    """Yield the pixels of some images, in their order, as the image processor gives them.

    They come from the pixel cache, which is built where it is not; images of a processor that does more than resize,
    crop, rescale and normalise are processed one by one, each time.

    A stamp changes when its image does. A batch is one tensor [n, 3, height, width], or one an image where their
    sizes differ.
    """
    check_sides(processor)
    starts = range(rows.start, rows.stop, batch_size)
    if not starts:
        return
    if is_plain(processor):
        transform = cached_transform(images, stamps, processor, cache)
        for start in starts:
            yield [transform.pixel_values(list(range(start, min(start + batch_size, rows.stop))))]
        return
    for start in starts:
        pixels = []
        for row, item in enumerate(encoded(images, start, min(start + batch_size, rows.stop)), start):
            image = decoded(row, item)
            if isinstance(image, str):
                raise FairTuneError(f"An image cannot be decoded: {image}; replace this file or drop its row.")
            pixels.append(processor(image, return_tensors="pt")["pixel_values"])
        yield [torch.cat(pixels)] if len({part.shape for part in pixels}) == 1 else pixels


def decode(images: Dataset, stamps: list[str], processor: Any, cache: Path) -> None:
    """Build the pixel cache of the images where their processor has one."""
    if len(images) and is_plain(processor):
        cached_transform(images, stamps, processor, cache)


def is_plain(processor: Any) -> bool:
    """Say whether a processor only resizes and crops to one size, rescales and normalises."""
    try:
        check_plain(processor)
    except (FairTuneError, AttributeError):  # one without these settings does something else
        return False
    return True
