"""Weighted sums of squared gradients, one for each loss."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

# Takes the number of a row and the log-odds of the rows from it on, [rows]; gives their weights, [2, rows].
Weigh = Callable[[int, Tensor], Tensor]


class Squares:
    """Sums over rows of weight times squared gradient, for every parameter and both losses, in float32.

    Args:
        model: gives names, shapes and the device.
        weigh: gives the weights.
    """

    def __init__(self, model: nn.Module, weigh: Weigh) -> None:
        named = dict(model.named_parameters())
        self.weigh = weigh
        self.weights = torch.zeros(2, 0)
        self.row = 0
        self.shapes = {name: p.shape for name, p in named.items()}
        self.sums = {name: torch.zeros(2, p.numel(), device=p.device) for name, p in named.items()}

    def begin(self, margins: Tensor) -> None:
        """Take the weights of the next rows."""
        self.weights = self.weigh(self.row, margins).to(margins.device, torch.float32)
        self.row += len(margins)

    def add(self, name: str, rows: slice, gradients: Tensor) -> None:
        """Add gradients [rows, *shape] of some of these rows."""
        if name in self.sums:
            self.sums[name].addmm_(self.weights[:, rows], gradients.detach().flatten(1).float().square_())

    def restart(self, names: list[str]) -> None:
        """Set the sums of these parameters back to zero."""
        self.row = 0
        for name in names:
            self.sums[name].zero_()

    def result(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the sums of the two losses in the parameters' shapes."""
        one, other = (
            {name: sums[loss].reshape(self.shapes[name]).clone() for name, sums in self.sums.items()}
            for loss in (0, 1)
        )
        return one, other
