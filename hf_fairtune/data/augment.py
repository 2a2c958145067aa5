"""FairTune's training augmentation, RandomResizedCrop and horizontal flip, on whole batches of tensors.

Each image is drawn by a generator; by one of its own it becomes the same in any batch. The crop is taken from the
cached, already resized image, so it is always enlarged and needs no anti-aliasing.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import grid_sample

SMALLEST_CROP = 0.08
RATIO = (3 / 4, 4 / 3)
ATTEMPTS = 10
# A generator for each image of a batch.
Draws = Sequence[Generator]


def seeded(*numbers: int) -> Generator:
    """Return a generator whose draws some numbers of 0 or more decide, and nothing else."""
    return Generator().manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))


def unseeded(count: int) -> Draws:
    """Return torch's global generator, which `set_seed` governs, for each of `count` images in turn."""
    return [torch.default_generator] * count


def uniform(draws: Draws, count: int) -> Tensor:
    """Draw `count` numbers from 0 to 1 for each image, float32 [n, count]."""
    return torch.stack([torch.rand(count, generator=draw) for draw in draws])


def random_boxes(draws: Draws, height: int, width: int, smallest: float = SMALLEST_CROP) -> Tensor:
    """Draw RandomResizedCrop's boxes [n, 4]: top, left, height and width as fractions of the image.

    A box has at least the share `smallest` of the image's area. One that fits in none of ten attempts is the
    whole image, as in torchvision for a square.
    """
    areas, ratios, places = uniform(draws, 2 * ATTEMPTS + 2).split([ATTEMPTS, ATTEMPTS, 2], dim=1)
    low, high = map(math.log, RATIO)
    area = (smallest + (1 - smallest) * areas) * height * width
    ratio = (low + (high - low) * ratios).exp()
    heights, widths = (area / ratio).sqrt() / height, (area * ratio).sqrt() / width
    fits = (heights <= 1) & (widths <= 1)
    first = fits.int().argmax(dim=1, keepdim=True)
    some = fits.any(dim=1)
    h, w = (sides.gather(1, first).squeeze(1).where(some, torch.ones(())) for sides in (heights, widths))
    return torch.stack([places[:, 0] * (1 - h), places[:, 1] * (1 - w), h, w], dim=1)


def random_flips(draws: Draws) -> Tensor:
    """Draw whether each image is mirrored; shape `(n,)`, bool."""
    return uniform(draws, 1).squeeze(1) < 0.5


def crop_and_flip(images: Tensor, boxes: Tensor, flips: Tensor) -> Tensor:
    """Cut its box [n, 4] out of each image [n, channels, height, width], mirror it where asked, and enlarge it."""
    top, left, height, width = boxes.to(images).unbind(1)
    stretch = torch.where(flips.to(images.device), -width, width)
    # Number by number, as the rounding of a product of matrices may depend on the batch.
    x = stretch[:, None] * _centres(images, -1) + (2 * left + width - 1)[:, None]
    y = height[:, None] * _centres(images, -2) + (2 * top + height - 1)[:, None]
    grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), dim=-1)
    return grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _centres(images: Tensor, dim: int) -> Tensor:
    """Return where the pixels of a side lie between its ends, -1 and 1."""
    size = images.shape[dim]
    return (2 * torch.arange(size, device=images.device, dtype=images.dtype) + 1) / size - 1


def augment(images: Tensor, draws: Draws, smallest: float = SMALLEST_CROP) -> Tensor:
    """Return `images` of shape `(n, channels, height, width)`, each cropped and flipped at random."""
    *_, height, width = images.shape
    return crop_and_flip(images, random_boxes(draws, height, width, smallest), random_flips(draws))
