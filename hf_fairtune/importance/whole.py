"""Importance for bias from the whole set at once: the squared gradient of its bias loss."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from .importance import Importance
from .sample import sample_fisher, slopes
from .stable_rows import StableRows
from .tap_check import gradients_of


def whole_fisher(model: nn.Module, rows: StableRows) -> Importance:
    """Return the importance for prediction row by row, and for bias the squared gradient of the loss of all rows.

    A bias loss is a statistic of groups, not a sum over rows: by row or by batch, most of its square is the variance
    of the rows' gradients, in which the signs that set one group against the other are gone. Here they are kept.
    """
    found = sample_fisher(model, rows)
    slope = slopes(rows.margins(model), rows, found.contrast)[1]
    sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    start = 0
    for pixels in rows.chunks("Gradient of the bias", rows.options.chunk_size):
        weights = slope[start : start + len(pixels)]
        for name, gradient in gradients_of(model, pixels, list(sums), weights, rows.options.dtype).items():
            sums[name] += gradient
        start += len(pixels)
    return replace(found, bias={name: total.float().square() for name, total in sums.items()})
