"""How a training image is changed at each use: crops of the resized image, crops of the original, or flips."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from torch import Generator, Tensor

from ..errors import FairTuneError
from .augment import ATTEMPTS, RATIO, Draws, augment, random_flips
from .decoding import rgb_image
from .identity import encoded

Augment = Literal["crop", "original_crop", "flips"]
# Returns the resized images of some rows, float32 [n, 3, height, width] from 0 to 255.
Resized = Callable[[list[int]], Tensor]


class Augmentation(ABC):
    """Draws for each row from its generator, one that rows may share; its text tells its kind."""

    @abstractmethod
    def __call__(self, rows: list[int], resized: Resized, draws: Draws) -> Tensor:
        """Return new images of some rows, float32 [n, 3, height, width] from 0 to 255."""


@dataclass(frozen=True)
class Crop(Augmentation):
    """Cut a box out of the resized image, enlarge it, and mirror it or not."""

    smallest: float

    def __call__(self, rows: list[int], resized: Resized, draws: Draws) -> Tensor:
        """Crop all images at once."""
        return augment(resized(rows), draws, self.smallest)


@dataclass(frozen=True)
class OriginalCrop(Augmentation):
    """Cut a box out of the original image, resize it as PIL does, and mirror it or not.

    The boxes are those of torchvision's RandomResizedCrop, draw by draw, as in FairTune's code. An image is decoded at
    each use, so that no memory is held.
    """

    smallest: float
    height: int
    width: int
    images: Dataset = field(repr=False)

    def __call__(self, rows: list[int], resized: Resized, draws: Draws) -> Tensor:
        """Decode and crop the images one by one."""
        cut = np.stack([np.asarray(self._cut(row, draw)) for row, draw in zip(rows, draws, strict=True)])
        images = torch.from_numpy(cut).permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
        return torch.where(random_flips(draws).view(-1, 1, 1, 1), images.flip(-1), images)

    def _cut(self, row: int, draw: Generator) -> Image.Image:
        (found,) = encoded(self.images, row, row + 1)
        image = rgb_image(found)
        top, left, height, width = random_box(image.height, image.width, self.smallest, draw)
        box = image.crop((left, top, left + width, top + height))
        return box.resize((self.width, self.height), Image.Resampling.BILINEAR)


@dataclass(frozen=True)
class Flips(Augmentation):
    """Mirror an image left to right, top to bottom and along its diagonal, each or not (SWiFT, section 4.2)."""

    def __call__(self, rows: list[int], resized: Resized, draws: Draws) -> Tensor:
        """Turn all images at once."""
        images = resized(rows)
        for turn in (lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.transpose(-1, -2)):
            images = torch.where(random_flips(draws).view(-1, 1, 1, 1), turn(images), images)
        return images


def augmentation_of(kind: Augment, smallest: float, images: Dataset, size: tuple[int, int]) -> Augmentation:
    """Return the augmentation of some images, whose size is (height, width) once they are resized.

    Raises:
        FairTuneError: an unknown kind, or flips of images that are not square.
    """
    if kind == "crop":
        return Crop(smallest)
    if kind == "original_crop":
        return OriginalCrop(smallest, *size, images)
    if kind != "flips":
        raise FairTuneError(f"`augment` is {kind!r}; choose crop, original_crop or flips.")
    if size[0] != size[1]:
        raise FairTuneError(f"--augment flips transposes, but images are {size[0]} x {size[1]}; make them square.")
    return Flips()


def random_box(height: int, width: int, smallest: float, draw: Generator) -> tuple[int, int, int, int]:
    """Draw a box of an image: top, left, height and width in pixels; the middle where none of ten attempts fits."""
    low, high = RATIO
    bounds = torch.log(torch.tensor(RATIO)).tolist()
    for _ in range(ATTEMPTS):
        area = height * width * float(torch.empty(1).uniform_(smallest, 1.0, generator=draw))
        ratio = float(torch.exp(torch.empty(1).uniform_(*bounds, generator=draw)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            top, left = (int(torch.randint(0, room + 1, (1,), generator=draw)) for room in (height - h, width - w))
            return top, left, h, w
    w, h = min(width, round(height * high)), min(height, round(width / low))
    return (height - h) // 2, (width - w) // 2, h, w
