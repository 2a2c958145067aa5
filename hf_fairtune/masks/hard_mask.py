"""The hard mask: a weight moves or stays, by one threshold for the whole model (BMFT)."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from torch import Tensor

from ..importance.importance import Importance
from .soft_mask import ratios


def hard_mask(importance: Importance, rate: float = 50.0, skip: Collection[str] = ()) -> dict[str, Tensor]:
    """Return 1 where the importance ratio lies above one threshold for the whole model, else 0 (BMFT, M_i).

    The ratio is Norm(I_b) / (Norm(I_p) + 1e-10), each min-max normalised over one parameter tensor.

    Args:
        importance: of every parameter for prediction and for bias.
        rate: percentile in [0, 100] of the ratio over all parameters that are not skipped.
        skip: names of parameters, the head's, that neither count nor move: their mask is 0.

    Returns:
        Parameter name -> float32 tensor of zeros and ones.
    """
    ratio = ratios(importance, "min-max")
    counted = [values.cpu().numpy().ravel() for name, values in ratio.items() if name not in skip]
    threshold = np.percentile(np.concatenate(counted), rate)
    return {n: ((v > threshold) if n not in skip else torch.zeros_like(v)).float() for n, v in ratio.items()}
