"""Partial re-initialisation of the classification head (SWiFT, eq. 12)."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


@torch.no_grad()
def reinitialise(
    model: nn.Module, names: Sequence[str], mask: Mapping[str, Tensor], kind: str, quantile: float
) -> tuple[int, int]:
    """Set those parameters of the head to zero that matter most for bias.

    Args:
        names: of the head's parameters.
        mask: parameter name -> soft mask (eq. 9).
        kind: "mean": above the mean of the mask of that tensor (paper); "quantile": above `quantile` of the mask over
            the whole head; "full": all; "none": nothing.
        quantile: share of the head that keeps its value, from 0 to 1.

    Returns:
        number of entries set to zero, and of all.
    """
    head = torch.cat([mask[name].flatten() for name in names])
    limit = {"full": -math.inf, "none": math.inf}.get(kind)
    if kind == "quantile":
        limit = float(torch.quantile(head, quantile))
    zeroed = 0
    for name in names:
        above = mask[name] > (mask[name].mean() if limit is None else limit)
        parameter = model.get_parameter(name)
        parameter[above.to(parameter.device)] = 0
        zeroed += int(above.sum())
    return zeroed, head.numel()
