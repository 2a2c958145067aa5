"""Weighted sums over rows of gradients or of their squares."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

# Takes the number of a row and the log-odds of the rows from it on, [rows]; gives their weights, [sums, rows].
Weigh = Callable[[int, Tensor], Tensor]


class Sums:
    """Sums over rows of weight times gradient, or squared gradient, for every parameter, in float32.

    Args:
        model: gives names, shapes and the device.
        weigh: gives the weights.
        n_sums: how many sums there are of a parameter, one for each loss.
        squared: whether gradients are squared.
    """

    def __init__(self, model: nn.Module, weigh: Weigh, n_sums: int = 2, squared: bool = True) -> None:
        self.weigh, self.n_sums, self.squared = weigh, n_sums, squared
        self.weights = torch.zeros(n_sums, 0)
        self.row = 0
        self.values = {n: torch.zeros(n_sums, *p.shape, device=p.device) for n, p in model.named_parameters()}

    def begin(self, margins: Tensor) -> None:
        """Take the weights of the next rows, which have these log-odds, [rows]."""
        self.weights = self.weigh(self.row, margins).to(margins.device, torch.float32)
        self.row += len(margins)

    def add(self, name: str, rows: slice, gradients: Tensor) -> None:
        """Add gradients [rows, *shape] of some of these rows; a parameter counts under its first name only."""
        if name in self.values:
            flat = gradients.detach().flatten(1).float()
            summed = self.values[name].view(self.n_sums, -1)
            summed.addmm_(self.weights[:, rows], flat.square_() if self.squared else flat)
