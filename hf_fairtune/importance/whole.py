"""Importance for bias from the whole set at once: the squared gradient of its bias loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .row_weights import slopes
from .rows import Rows, device_of, forward, margins_of
from .sample import Asked, Found, sample_fisher


def whole_fisher(model: nn.Module, data: Any, rows: Rows, asked: Asked) -> Found:
    """Return the importance for prediction row by row, and for bias the squared gradient of the loss of all rows.

    A bias loss is a statistic of groups, not a sum over rows: by row or by batch, most of its square is the variance
    of the rows' gradients, in which the signs that set one group against the other are gone. Here they are kept.

    Raises:
        FairTuneError: as `sample_fisher`.
    """
    prediction, _, empty, contrast = sample_fisher(model, data, rows, asked)
    slope = slopes(margins_of(model, data, rows, asked), rows, contrast, asked.bias)[1]
    named: dict[str, Tensor] = {name: p.requires_grad_() for name, p in model.named_parameters()}
    sums = {name: torch.zeros_like(p) for name, p in named.items()}
    start = 0
    for batch in rows.again(data, asked, device_of(model), "Gradient of the bias"):
        for pixels in batch["pixel_values"].split(asked.chunk_size):
            with torch.enable_grad():
                margins = forward(model, pixels, asked.dtype)
                pushed = (slope[start : start + len(pixels)].to(margins) * margins).sum()
            start += len(pixels)
            gradients = torch.autograd.grad(pushed, list(named.values()), allow_unused=True, materialize_grads=True)
            for total, gradient in zip(sums.values(), gradients, strict=True):
                total += gradient
    return prediction, {name: total.float().square() for name, total in sums.items()}, empty, contrast
