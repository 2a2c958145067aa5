"""The rows of two groups alone, in an order of every epoch's own."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import Sampler

from ..losses.contrast import GroupPair


def rows_of_pair(groups: np.ndarray, pair: GroupPair) -> np.ndarray:
    """Return the rising indices of the rows whose group, a code of [n], is one of the pair."""
    return np.flatnonzero(np.isin(groups, [pair.worst, pair.best]))


class PairSampler(Sampler[int]):
    """Draw every row of two groups once, shuffled; `set_epoch` gives each epoch an order of its own."""

    def __init__(self, groups: np.ndarray, pair: GroupPair, seed: int) -> None:
        self.rows, self.seed, self.epoch = rows_of_pair(groups, pair), seed, 0

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[int]:
        draw = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return iter(self.rows[torch.randperm(len(self.rows), generator=draw).numpy()].tolist())

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch."""
        self.epoch = epoch
