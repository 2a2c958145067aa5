"""The diagonal Fisher information of the plain cross-entropy in each of two groups, from one backward sweep."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..errors import FairTuneError
from ..families.frozen_eval import frozen_eval
from ..losses.contrast import GroupPair
from ..losses.cross_entropy import CrossEntropy
from .importance import ImportanceOptions
from .layer_taps import checked_taps
from .rounding import rounding
from .sample import one_by_one, swept
from .stable_rows import StableRows, several_logits
from .sums import Sums

Diagonal = dict[str, Tensor]


def group_fisher(
    model: nn.Module, data: Any, groups: GroupPair, options: ImportanceOptions | None = None
) -> tuple[Diagonal, Diagonal]:
    """Return the means over the rows of `groups.worst`, and of `groups.best`, of the squared gradients of their loss.

    It stands for the diagonal of the Hessian of that group's cross-entropy at a trained model. Where the gradient is
    rounding both are exactly 0. The model is in evaluation mode meanwhile and is left as it was.

    Args:
        data: rows of `pixel_values`, `labels` and `groups`, as in `fisher_importance`; other groups do not count.

    Raises:
        FairTuneError: a group without rows, or numbers that are not finite.
    """
    trainable = {parameter: parameter.requires_grad for parameter in model.parameters()}
    try:
        with frozen_eval(model.requires_grad_(False)):
            rows = StableRows.read(data, options or ImportanceOptions(), model)
            return _measured(model, rows, groups)
    finally:
        for parameter, required in trainable.items():
            parameter.requires_grad_(required)


def _measured(model: nn.Module, rows: StableRows, groups: GroupPair) -> tuple[Diagonal, Diagonal]:
    members = torch.stack([rows.groups == group for group in (groups.worst, groups.best)]).double()
    if not members.any(1).all():
        raise FairTuneError("the rows to measure on lack one of the two groups compared; add rows of both.")
    shares, slope = members / members.sum(1, keepdim=True), loss_slopes(rows.margins(model), rows.labels)
    several, unreal = several_logits(model), rounding(model, rows.first)
    weights = shares if several else shares * slope.square()

    def known(start: int, part: Tensor) -> Tensor:
        return weights[:, start : start + len(part)]

    taps, along = checked_taps(model, rows.first), slope if several else None
    sums = swept(taps, rows, Sums(model, known), along)
    if slowly := sums.begin_again(taps.covered()):
        one_by_one(rows, slowly, sums, torch.ones(len(slope)) if along is None else along)
    found = {n: both.masked_fill(unreal[n].to(both.device), 0) for n, both in sums.values.items()}
    if broken := [name for name, both in found.items() if not both.isfinite().all()]:
        raise FairTuneError(f"the gradients of `{broken[0]}` are NaN or infinite; measure in float32.")
    return {name: both[0] for name, both in found.items()}, {name: both[1] for name, both in found.items()}


def loss_slopes(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the derivative of each row's cross-entropy by its log-odds, [n], or its logits, [n, classes]."""
    z = outputs.clone().requires_grad_()
    with torch.enable_grad():
        logits = torch.stack([torch.zeros_like(z), z], dim=1) if z.ndim == 1 else z
        return torch.autograd.grad(CrossEntropy()(logits, labels) * len(z), z)[0]
