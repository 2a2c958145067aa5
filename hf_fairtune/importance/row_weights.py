"""How much the squared gradient of a row's log-odds weighs in the Fisher information of each loss."""

from __future__ import annotations

import torch
from torch import Tensor

from ..losses.contrast import Contrast
from ..losses.loss import bias_loss_named, weighted_bce
from .stable_rows import StableRows


def slopes(margins: Tensor, rows: StableRows, contrast: Contrast) -> Tensor:
    """Return dL/dz_i of the weighted cross-entropy and of the bias loss, both taken over all rows: [2, n], float64.

    Args:
        margins: log-odds of all rows, [n], float64.
    """
    z = margins.clone().requires_grad_()
    with torch.enable_grad():
        biased = contrast(bias_loss_named(rows.options.bias), z.sigmoid(), rows.labels, rows.groups)
        losses = weighted_bce(z, rows.labels), biased.value
        return torch.stack([torch.autograd.grad(loss, z)[0] for loss in losses])


def row_weights(margins: Tensor, rows: StableRows, contrast: Contrast) -> Tensor:
    """Return (dl_i/dz_i)² / N and (N · dL_B/dz_i)² / N; arguments and shape as of `slopes`."""
    return slopes(margins, rows, contrast).square() * len(margins)


class EarlyWeights:
    """Weights of rows whose later ones have not been seen, which saves the model a pass over the data.

    Between two groups, dL_B/dp_i is ± a number that depends on counts alone for every loss made of absolute
    differences of means, and its square is the same whatever the other log-odds are. Rows not seen yet stand in by a
    probability for each group. In the end `given` is to be compared with the weights from all `margins`.
    """

    def __init__(self, rows: StableRows, contrast: Contrast) -> None:
        self.rows, self.contrast = rows, contrast
        self.margins = rows.groups.double()
        self.given = torch.zeros(2, len(self.margins), dtype=torch.float64)

    def __call__(self, start: int, margins: Tensor) -> Tensor:
        """Return the weights of the rows from `start` that have these log-odds, [2, rows]."""
        part = slice(start, start + len(margins))
        self.margins[part] = margins.cpu().double()
        self.given[:, part] = row_weights(self.margins, self.rows, self.contrast)[:, part]
        return self.given[:, part]
