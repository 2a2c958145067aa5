"""Masks to compare the soft mask with: BMFT's hard one, a random one, and none at all."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from torch import Tensor

from ..errors import FairTuneError
from .soft_mask import Importances, check, ratios


def hard_mask(importance: Importances, rate: float | None = 50.0, skip: Collection[str] = ()) -> dict[str, Tensor]:
    """Return 1 where the importance ratio lies above one threshold for the whole model, else 0 (BMFT, M_i).

    The ratio is Norm(I_b) / (Norm(I_p) + 1e-10), each min-max normalised over one parameter tensor.

    Args:
        importance: `.prediction` and `.bias`, parameter name -> non-negative tensor.
        rate: percentile in [0, 100] of the ratio over all parameters that are not skipped; None takes the mean.
        skip: names of parameters, the head's, that neither count nor move: their mask is 0.

    Returns:
        Parameter name -> float32 tensor of zeros and ones.

    Raises:
        FairTuneError: `rate` outside [0, 100], an unknown name, nothing left, or importances that are no numbers.
    """
    if rate is not None and not 0 <= rate <= 100:
        raise FairTuneError(f"`rate` is {rate}; pass a percentile from 0 to 100, or None for the mean.")
    ratio = ratios(importance, "min-max")
    counted = [values.cpu().numpy().ravel() for name, values in ratio.items() if name not in skip]
    unknown = sorted(set(skip) - set(ratio))
    if unknown or not counted:
        given = f"unknown parameters {', '.join(unknown)}" if unknown else "every parameter"
        raise FairTuneError(f"`skip` names {given}; pass names of the head's parameters.")
    pooled = np.concatenate(counted)
    threshold = pooled.mean() if rate is None else np.percentile(pooled, rate)
    return {n: ((v > threshold) if n not in skip else torch.zeros_like(v)).float() for n, v in ratio.items()}


def random_mask(importance: Importances, seed: int = 0) -> dict[str, Tensor]:
    """Return masks drawn uniformly from [0, 1) (SWiFT, section 5.2; the published code draws from a normal).

    Drawn on the CPU in the order of the parameters, so that every machine draws the same.
    """
    check(importance)
    generator = torch.Generator().manual_seed(seed)
    return {n: torch.rand(v.shape, generator=generator).to(v.device) for n, v in importance.prediction.items()}


def ones_mask(importance: Importances) -> dict[str, Tensor]:
    """Return masks of ones: plain fine-tuning."""
    check(importance)
    return {name: torch.ones_like(v, dtype=torch.float32) for name, v in importance.prediction.items()}
