"""Partial re-initialisation of the classification head (SWiFT, eq. 12)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from ..errors import FairTuneError

KINDS = ("mean", "quantile", "full", "none")


def reinitialise(
    model: nn.Module, names: Sequence[str], mask: Mapping[str, torch.Tensor], kind: str = "mean", quantile: float = 0.5
) -> tuple[int, int]:
    """Set those parameters of the head to zero that matter most for bias.

    Args:
        model: changed in place.
        names: of the head's parameters.
        mask: parameter name -> soft mask (eq. 9).
        kind: "mean": above the mean of the mask of that tensor (paper); "quantile": above `quantile` of the mask over
            the whole head; "full": all; "none": nothing.
        quantile: share of the head that keeps its value, from 0 to 1.

    Returns:
        number of entries set to zero, and of all.

    Raises:
        FairTuneError: unknown kind, or a quantile outside [0, 1].
    """
    check(kind, quantile)
    head = torch.cat([mask[name].flatten() for name in names])
    limit = {"full": -math.inf, "none": math.inf}.get(kind)
    if kind == "quantile":
        limit = float(torch.quantile(head, quantile))
    zeroed = 0
    for name in names:
        above = mask[name] > (mask[name].mean() if limit is None else limit)
        with torch.no_grad():
            parameter = model.get_parameter(name)
            parameter[above.to(parameter.device)] = 0
        zeroed += int(above.sum())
    return zeroed, head.numel()


def check(kind: str, quantile: float) -> None:
    """Refuse an unknown kind, or a quantile outside [0, 1]."""
    if kind not in KINDS:
        raise FairTuneError(f"`reinit` is {kind!r}; choose {', '.join(KINDS[:-1])} or {KINDS[-1]}.")
    if not 0 <= quantile <= 1:
        raise FairTuneError(f"`reinit_quantile` is {quantile:g}; give the share of the head to keep, from 0 to 1.")
