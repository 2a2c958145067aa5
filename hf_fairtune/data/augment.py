"""FairTune's training augmentation, RandomResizedCrop and horizontal flip, on whole batches of tensors.

The boxes come from torch's global generator, which `set_seed` and a resumed Trainer govern. The crop is taken from
the cached, already resized image, so it is always enlarged and needs no anti-aliasing.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

SMALLEST_CROP = 0.08
RATIO = (3 / 4, 4 / 3)
ATTEMPTS = 10


def random_boxes(count: int, height: int, width: int, smallest: float = SMALLEST_CROP) -> Tensor:
    """Draw RandomResizedCrop's boxes [count, 4]: top, left, height and width as fractions of the image.

    A box has at least the share `smallest` of the image's area. As in torchvision, one that fits in none of ten
    attempts is the whole image.
    """
    area = torch.empty(count, ATTEMPTS).uniform_(smallest, 1.0) * height * width
    ratio = torch.empty(count, ATTEMPTS).uniform_(math.log(RATIO[0]), math.log(RATIO[1])).exp()
    heights, widths = (area / ratio).sqrt() / height, (area * ratio).sqrt() / width
    fits = (heights <= 1) & (widths <= 1)
    first = fits.int().argmax(dim=1, keepdim=True)
    some = fits.any(dim=1)
    h = heights.gather(1, first).squeeze(1).where(some, torch.ones(count))
    w = widths.gather(1, first).squeeze(1).where(some, torch.ones(count))
    top, left = torch.rand(count) * (1 - h), torch.rand(count) * (1 - w)
    return torch.stack([top, left, h, w], dim=1)


def random_flips(count: int) -> Tensor:
    """Draw, for `count` images, whether each is mirrored; shape `(count,)`, bool."""
    return torch.rand(count) < 0.5


def crop_and_flip(images: Tensor, boxes: Tensor, flips: Tensor) -> Tensor:
    """Cut its box [n, 4] out of each image [n, channels, height, width], mirror it where asked, and enlarge it."""
    top, left, height, width = boxes.to(images).unbind(1)
    theta = images.new_zeros(len(images), 2, 3)
    theta[:, 0, 0] = torch.where(flips.to(images.device), -width, width)
    theta[:, 1, 1] = height
    theta[:, 0, 2] = 2 * left + width - 1
    theta[:, 1, 2] = 2 * top + height - 1
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def augment(images: Tensor, smallest: float = SMALLEST_CROP) -> Tensor:
    """Return `images` of shape `(n, channels, height, width)`, each cropped and flipped at random."""
    count, _, height, width = images.shape
    return crop_and_flip(images, random_boxes(count, height, width, smallest), random_flips(count))
