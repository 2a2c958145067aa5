"""Weighted sums over rows of squared gradients."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

# Takes the number of a row and the log-odds of the rows from it on, [rows]; gives their weights, [2, rows].
Weigh = Callable[[int, Tensor], Tensor]


class Sums:
    """Two sums over rows, of weight times squared gradient, for every parameter, in float32."""

    def __init__(self, model: nn.Module, weigh: Weigh) -> None:
        self.weigh = weigh
        self.weights = torch.zeros(2, 0)
        self.row = 0
        self.values = {n: torch.zeros(2, *p.shape, device=p.device) for n, p in model.named_parameters()}

    def begin(self, margins: Tensor) -> None:
        """Take the weights of the next rows, which have these log-odds, [rows]."""
        self.weights = self.weigh(self.row, margins).to(margins.device, torch.float32)
        self.row += len(margins)

    def add(self, name: str, rows: slice, gradients: Tensor) -> None:
        """Add gradients [rows, *shape] of some of these rows; a parameter counts under its first name only."""
        if name in self.values:
            flat = gradients.detach().flatten(1).float()
            self.values[name].view(2, -1).addmm_(self.weights[:, rows], flat.square_())
