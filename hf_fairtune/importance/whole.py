"""Importance for bias from the whole set at once: the squared gradient of its bias loss."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from .importance import Importance
from .row_weights import slopes
from .sample import sample_fisher
from .stable_rows import StableRows, forward


def whole_fisher(model: nn.Module, rows: StableRows) -> Importance:
    """Return the importance for prediction row by row, and for bias the squared gradient of the loss of all rows.

    A bias loss is a statistic of groups, not a sum over rows: by row or by batch, most of its square is the variance
    of the rows' gradients, in which the signs that set one group against the other are gone. Here they are kept.

    Raises:
        FairTuneError: as `sample_fisher`.
    """
    found = sample_fisher(model, rows)
    slope = slopes(rows.margins(model), rows, found.contrast)[1]
    named: dict[str, Tensor] = {name: p.requires_grad_() for name, p in model.named_parameters()}
    sums = {name: torch.zeros_like(p) for name, p in named.items()}
    start = 0
    for pixels in rows.chunks("Gradient of the bias"):
        with torch.enable_grad():
            margins = forward(model, pixels, rows.options.dtype)
            pushed = (slope[start : start + len(pixels)].to(margins) * margins).sum()
        start += len(pixels)
        gradients = torch.autograd.grad(pushed, list(named.values()), allow_unused=True, materialize_grads=True)
        for total, gradient in zip(sums.values(), gradients, strict=True):
            total += gradient
    return replace(found, bias={name: total.float().square() for name, total in sums.items()})
