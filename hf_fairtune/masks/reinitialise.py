"""Partial re-initialisation of the classification head (SWiFT, eq. 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from ..errors import FairTuneError

Mask = Mapping[str, torch.Tensor]
KINDS = ("mean", "quantile", "full", "none")


def reinitialise(
    model: nn.Module, names: Sequence[str], mask: Mask, kind: str = "mean", quantile: float = 0.5
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
    parameters = {name: model.get_parameter(name) for name in names}
    chosen = {name: _chosen(name, names, mask, kind, quantile) for name in names}
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter[chosen[name].to(parameter.device)] = 0
    return sum(int(where.sum()) for where in chosen.values()), sum(p.numel() for p in parameters.values())


def check(kind: str, quantile: float) -> None:
    """Refuse an unknown kind, or a quantile outside [0, 1]."""
    if kind not in KINDS:
        raise FairTuneError(f"`reinit` is {kind!r}; choose {', '.join(KINDS[:-1])} or {KINDS[-1]}.")
    if not 0 <= quantile <= 1:
        raise FairTuneError(f"`reinit_quantile` is {quantile:g}; give the share of the head to keep, from 0 to 1.")


def _chosen(name: str, names: Sequence[str], mask: Mask, kind: str, quantile: float) -> torch.Tensor:
    own = mask[name]
    if kind in ("full", "none"):
        return torch.full_like(own, kind == "full", dtype=torch.bool)
    if kind == "mean":
        return own > own.mean()
    return own > torch.quantile(torch.cat([mask[other].flatten() for other in names]), quantile)
