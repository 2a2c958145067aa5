"""The published importance: the mean over batches of the squared gradient of a batch's loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..losses.loss import bias_loss_named, weighted_bce
from .rows import Rows, device_of, forward, margins_of
from .sample import Asked, Found, chosen


def batch_fisher(model: nn.Module, data: Any, rows: Rows, asked: Asked) -> Found:
    """Return the means over batches of the squared gradients of both losses, and how many terms lacked a cell.

    The numbers depend on the size and the order of batches; a loss of a batch without one of the classes, or a term
    without one of its cells, is 0.

    Args:
        model: in evaluation mode, without trainable parameters.

    Raises:
        FairTuneError: the data changed since `rows` were read, or log-odds are not finite.

    Source: Yan et al., SWiFT (MELBA 2025), eq. 7-8.
    """
    contrast = chosen(asked.contrast, margins_of(model, data, rows, asked), rows)
    named: dict[str, Tensor] = {name: p.requires_grad_() for name, p in model.named_parameters()}
    sums = [{name: torch.zeros_like(p, dtype=torch.float32) for name, p in named.items()} for _ in range(2)]
    n_batches = empty = 0
    for batch in rows.again(data, asked, device_of(model), "Fisher information"):
        n_batches += 1
        with torch.enable_grad():
            margins = forward(model, batch["pixel_values"], asked.dtype)
            biased = contrast(bias_loss_named(asked.bias), margins.sigmoid(), batch["labels"], batch["groups"])
            losses = weighted_bce(margins, batch["labels"]), biased.value
        empty += int(biased.empty)
        for loss, sum_ in zip(losses, sums, strict=True):
            _add_squares(loss, named, sum_)
    prediction, bias = ({name: values / n_batches for name, values in sum_.items()} for sum_ in sums)
    return prediction, bias, empty, contrast


def _add_squares(loss: Tensor, named: dict[str, Tensor], sums: dict[str, Tensor]) -> None:
    """Add the squared gradient of a loss."""
    gradients = torch.autograd.grad(
        loss, list(named.values()), retain_graph=True, allow_unused=True, materialize_grads=True
    )
    for total, gradient in zip(sums.values(), gradients, strict=True):
        total += gradient.float().square()
