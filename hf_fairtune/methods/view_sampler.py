"""Every image several times in a row, so that a batch has several augmented views of it."""

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler


class ViewSampler(Sampler[int]):
    """Draw every row `views` times running, the rows shuffled; `set_epoch` gives each epoch an order of its own.

    A row is augmented each time it is read, so a batch whose size `views` divides has the views of its images whole.

    Args:
        count: number of rows.
        views: of each.
        seed: of the orders.
    """

    def __init__(self, count: int, views: int, seed: int) -> None:
        self.count, self.views, self.seed, self.epoch = count, views, seed, 0

    def __len__(self) -> int:
        return self.count * self.views

    def __iter__(self) -> Iterator[int]:
        draw = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return iter(torch.randperm(self.count, generator=draw).repeat_interleave(self.views).tolist())

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch."""
        self.epoch = epoch
