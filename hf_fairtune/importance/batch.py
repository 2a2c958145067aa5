"""The published importance: the mean over batches of the squared gradient of a batch's loss."""

import torch
from torch import Tensor, nn

from ..losses.balanced import balanced_cross_entropy
from .importance import Importance
from .slopes import bias_in, chosen
from .stable_rows import StableRows, forward


def batch_fisher(model: nn.Module, rows: StableRows) -> Importance:
    """Return the means over batches of the squared gradients of both losses, and how many terms lacked a cell.

    The numbers depend on the size and the order of batches; a loss of a batch without one of the classes, or a term
    without one of its cells, is 0.

    Source: Yan et al., SWiFT (MELBA 2025), eq. 7-8.
    """
    contrast = chosen(rows.margins(model), rows)
    named: dict[str, Tensor] = {name: p.requires_grad_() for name, p in model.named_parameters()}
    sums = [{name: torch.zeros_like(p, dtype=torch.float32) for name, p in named.items()} for _ in range(2)]
    n_batches = empty = 0
    for batch in rows.again("Fisher information"):
        n_batches += 1
        with torch.enable_grad():
            outputs = forward(model, batch["pixel_values"], rows.options.dtype)
            biased = bias_in(outputs, batch["labels"], batch["groups"], rows.options, contrast)
            losses = balanced_cross_entropy(outputs, batch["labels"]), biased.value
        empty += int(biased.empty)
        for value, sum_ in zip(losses, sums, strict=True):
            gradients = torch.autograd.grad(
                value, list(named.values()), retain_graph=True, allow_unused=True, materialize_grads=True
            )
            for total, gradient in zip(sum_.values(), gradients, strict=True):
                total += gradient.float().square()
    prediction, bias = ({name: values / n_batches for name, values in sum_.items()} for sum_ in sums)
    return Importance(prediction, bias, len(rows.labels), empty, contrast)
