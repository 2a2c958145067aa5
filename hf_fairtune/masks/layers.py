"""A mask told layer by layer: where a model may move, and what that rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from ..errors import FairTuneError
from .soft_mask import Importances

QUANTILES = {"low": 0.1, "median": 0.5, "high": 0.9}


def mask_rows(mask: Mapping[str, Tensor], importance: Importances) -> list[dict[str, Any]]:
    """Return one row a layer, in the order of the mask.

    Args:
        mask: parameter name -> values in [0, 1].
        importance: `.prediction` and `.bias` of at least the parameters in the mask.

    Returns:
        Rows of `layer`; `parameters` (number of weights); `mean`, `low`, `median` and `high` (10, 50 and 90 %
        quantiles) of the mask over the layer's weights; `prediction` and `bias` (sums of the importances).

    Raises:
        FairTuneError: a parameter of the mask has no importance.
    """
    members: dict[str, list[str]] = {}
    for name in mask:
        if name not in importance.prediction or name not in importance.bias:
            raise FairTuneError(f"The mask names `{name}`, which has no importance; make both from one model.")
        members.setdefault(layer_of(name), []).append(name)
    return [{"layer": layer, **row(mask, importance, names)} for layer, names in members.items()]


def layer_of(name: str) -> str:
    """Return the layer of a parameter: its name up to the first number, else its first two parts.

    A number is a part of its own (`vit.layers.3`), or ends a part below the first (`features.denseblock1`).
    """
    parts = name.split(".")[:-1] or [name]
    numbers = [i for i, part in enumerate(parts) if part.isdecimal()]
    endings = [i for i, part in enumerate(parts) if i > 0 and part[-1:].isdecimal()]
    return ".".join(parts[: next(iter(numbers + endings), 1) + 1])


def row(mask: Mapping[str, Tensor], importance: Importances, names: list[str]) -> dict[str, Any]:
    """Return the numbers of one layer."""
    # NumPy, because torch.quantile takes at most 16 million values.
    values = np.concatenate([mask[name].detach().float().cpu().numpy().ravel() for name in names])
    quantiles = np.quantile(values, list(QUANTILES.values()))
    return {
        "parameters": int(values.size),
        "mean": float(values.mean(dtype=np.float64)),
        **{name: float(value) for name, value in zip(QUANTILES, quantiles, strict=True)},
        "prediction": float(sum(importance.prediction[name].double().sum() for name in names)),
        "bias": float(sum(importance.bias[name].double().sum() for name in names)),
    }
