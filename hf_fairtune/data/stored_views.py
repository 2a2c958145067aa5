"""Views of training images that stay: each image is augmented in a few ways, which come in turn, one an epoch."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .augmentations import Augmentation, Resized


@dataclass(frozen=True)
class StoredView:
    """The view of that number, which is drawn from a seed."""

    seed: int
    number: int

    @classmethod
    def of(cls, seed: int, epoch: int, count: int) -> "StoredView":
        """Return the view of an epoch, counted from 0, where there are `count`."""
        return cls(seed, epoch % count)

    def __call__(self, rows: list[int], augmentation: Augmentation, resized: Resized) -> Tensor:
        """Augment some rows by draws that seed, view and row decide, and nothing else: [n, 3, height, width]."""
        seen = []
        with torch.random.fork_rng(devices=[]):
            for row in rows:
                torch.manual_seed(int(np.random.SeedSequence([self.seed, self.number, row]).generate_state(1)[0]))
                seen.append(augmentation([row], resized))
        return torch.cat(seen)
