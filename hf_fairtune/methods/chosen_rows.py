"""Some of the rows, in the order that another sampler draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import Sampler


class ChosenRows(Sampler[int]):
    """Draw `rows[i]` for each i of a sampler over as many rows; `set_epoch` is passed on to it.

    Args:
        rows: indices, int [n].
        order: draws from 0 to n - 1.
    """

    def __init__(self, rows: np.ndarray, order: Any) -> None:
        self.rows, self.order = rows, order

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[int]:
        return (int(self.rows[i]) for i in self.order)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch."""
        self.order.set_epoch(epoch)
