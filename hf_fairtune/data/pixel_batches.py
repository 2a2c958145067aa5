"""Pixel values of a table of images, a batch at a time, by any image processor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor

from ..errors import FairTuneError
from .identity import EncodedImage, encoded
from .pixels import cached_pixels, decoded
from .processors import check_colours, colours, pixel_shape
from .transform import PixelTransform


def pixel_batches(
    images: Dataset, stamps: list[str], processor: Any, cache: Path, batch_size: int, first: int = 0
) -> Iterator[list[Tensor]]:
    """Yield the pixels of the images in their order, as the image processor gives them.

    They come from the pixel cache, which is built where it is not; images of a processor that does more than resize,
    crop, rescale and normalise are processed one by one, each time.

    Args:
        images: one column `image` of undecoded images.
        stamps: what changes when an image does, one an image.
        processor: any image processor.
        cache: folder of the decoded pixels.
        batch_size: images at a time.
        first: image to begin with.

    Yields:
        tensors [n, 3, height, width] of one batch: one tensor, or one an image where their sizes differ.

    Raises:
        FairTuneError: an image cannot be decoded, or the cache cannot be written.
    """
    starts = range(first, len(images), batch_size)
    if not starts:
        return
    if is_plain(processor):
        scale, shift = (tuple(values.tolist()) for values in colours(processor))
        transform = PixelTransform(cached_pixels(images, stamps, processor, cache), scale, shift)
        for start in starts:
            yield [transform.pixel_values(list(range(start, min(start + batch_size, len(images)))))]
        return
    for start in starts:
        rows = enumerate(encoded(images, start, start + batch_size), start)
        pixels = [_processed(row, image, processor) for row, image in rows]
        yield [torch.cat(pixels)] if len({part.shape for part in pixels}) == 1 else pixels


def is_plain(processor: Any) -> bool:
    """Say whether a processor only resizes and crops to one size, rescales and normalises."""
    try:
        pixel_shape(processor)
        check_colours(processor)
    except (FairTuneError, AttributeError):  # one without these settings does something else
        return False
    return True


def _processed(row: int, encoded: EncodedImage, processor: Any) -> Tensor:
    image = decoded(row, encoded)
    if isinstance(image, str):
        raise FairTuneError(f"An image cannot be decoded: {image}; replace this file or drop its row.")
    pixels: Tensor = processor(image, return_tensors="pt")["pixel_values"]
    return pixels
