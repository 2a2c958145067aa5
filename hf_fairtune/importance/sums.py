"""Weighted sums over rows of squared gradients."""

from collections.abc import Callable, Collection

import torch
from torch import Tensor, nn

# Takes the number of a row and what `forward` gives for the rows from it on; gives their weights, [2, rows].
Weigh = Callable[[int, Tensor], Tensor]


class Sums:
    """Two sums over rows, of weight times squared gradient, for every parameter, in float32."""

    def __init__(self, model: nn.Module, weigh: Weigh) -> None:
        self.model = model
        self.weigh = weigh
        self.weights = torch.zeros(2, 0)
        self.row = 0
        self.values = {n: torch.zeros(2, *p.shape, device=p.device) for n, p in model.named_parameters()}

    def begin(self, outputs: Tensor) -> None:
        """Take the weights of the next rows, for which the model gives these log-odds or logits."""
        self.weights = self.weigh(self.row, outputs).to(outputs.device, torch.float32)
        self.row += len(outputs)

    def begin_again(self, done: Collection[str]) -> list[str]:
        """Set the sums of all parameters but those `done` to zero, and return the names, sorted."""
        names = sorted(set(self.values) - set(done))
        for name in names:
            self.values[name].zero_()
        return names

    def add(self, name: str, rows: slice, gradients: Tensor) -> None:
        """Add gradients [rows, *shape] of some of these rows; a parameter counts under its first name only."""
        if name in self.values:
            flat = gradients.detach().flatten(1).float()
            self.values[name].view(2, -1).addmm_(self.weights[:, rows], flat.square_())
