"""Both losses of all rows by what the model gives for them: whom the bias compares, and the derivatives."""

import torch
from torch import Tensor

from ..errors import FairTuneError
from ..losses.balanced import balanced_cross_entropy
from ..losses.contrast import Contrast, contrast_for
from ..losses.loss import BiasValue, bias_loss_named
from ..losses.one_vs_rest import bias_of, codes, log_odds
from .importance import ImportanceOptions
from .stable_rows import StableRows


def chosen(outputs: Tensor, rows: StableRows) -> Contrast:
    """Return the contrast, chosen by the log-odds unless it is given; refuse log-odds that are not finite."""
    broken = int((~torch.isfinite(outputs.reshape(len(outputs), -1)).all(1)).sum())
    if broken:
        raise FairTuneError(
            f"the model's logits are NaN or infinite in {broken} of {len(outputs)} rows; check its weights and the "
            "pixels."
        )
    contrast = rows.options.contrast
    if not isinstance(contrast, str):
        return contrast
    odds = log_odds(outputs, rows.labels)
    return contrast_for(contrast, odds, codes(rows.labels, odds.shape[1]), rows.groups)


def bias_in(
    outputs: Tensor, labels: Tensor, groups: Tensor, options: ImportanceOptions, contrast: Contrast
) -> BiasValue:
    """Return the bias of some rows; `outputs` are log-odds, [n], or logits, [n, classes]."""
    return bias_of(outputs, labels, groups, bias_loss_named(options.bias), contrast, options.bias_over)


def slopes(outputs: Tensor, rows: StableRows, contrast: Contrast) -> Tensor:
    """Return dL/dz_i of the weighted cross-entropy and of the bias loss over all rows: [2, *shape of z], float64."""
    z = outputs.clone().requires_grad_()
    with torch.enable_grad():
        biased = bias_in(z, rows.labels, rows.groups, rows.options, contrast)
        losses = balanced_cross_entropy(z, rows.labels), biased.value
        return torch.stack([torch.autograd.grad(loss, z)[0] for loss in losses])
