"""The soft mask: how far each weight may move, from how much it matters for bias and for prediction (SWiFT, eq. 9)."""

from collections.abc import Callable

import torch
from scipy.stats import rankdata
from torch import Tensor

from ..errors import FairTuneError
from ..importance.importance import Importance
from .saved_soft_mask import SoftMask

# Where a weight does not matter for prediction the ratio is large, not infinite (published code).
EPSILON = 1e-10


def min_max(values: Tensor) -> Tensor:
    """Return (v - min) / (max - min), in [0, 1]."""
    return (values - values.min()) / (values.max() - values.min())


def z_score(values: Tensor) -> Tensor:
    """Return (v - mean) / sample standard deviation."""
    return (values - values.mean()) / values.std()


def percentile(values: Tensor) -> Tensor:
    """Return ranks in [0, 1]; ties share the mean of their ranks."""
    ranks = torch.from_numpy(rankdata(values.cpu().numpy(), axis=None)).reshape(values.shape).to(values.device)
    return (ranks - 1) / (values.numel() - 1)


NORMALIZATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "min-max": min_max,
    "z-score": z_score,
    "percentile": percentile,
}


def soft_mask(importance: Importance, normalization: str = "min-max") -> SoftMask:
    """Return the mask |tanh(Norm(I_b) / (Norm(I_p) + 1e-10))| of every parameter (SWiFT, eq. 9).

    `Norm` is taken over one parameter tensor (weight and bias apart), so the mask does not depend on the scale of
    either loss; the published code adds 1e-10 to max - min too, and its masks shrink where importances are that small.
    A constant tensor, such as the bias of a single logit, stays as it is, as in the published code. A weight of no
    importance for either, such as one whose gradient is rounding, stays where it is, whatever `Norm` makes of it.

    Args:
        importance: of every parameter for prediction (eq. 7) and for bias (eq. 8).
        normalization: "min-max" (the paper's choice), "z-score" or "percentile" (ranks).

    Returns:
        Parameter name -> float32 tensor in [0, 1] of the parameter's shape: 1 moves freely, 0 stays. It is a dict that
        `save_pretrained` writes.

    Raises:
        FairTuneError: unknown normalization.
    """
    bias, prediction = importance.bias, importance.prediction
    mask = {
        name: ratio.tanh().abs().float().masked_fill_((bias[name] == 0) & (prediction[name] == 0), 0)
        for name, ratio in ratios(importance, normalization).items()
    }
    return SoftMask(mask, {"normalization": normalization})


def ratios(importance: Importance, normalization: str) -> dict[str, Tensor]:
    """Return Norm(I_b) / (Norm(I_p) + 1e-10) of every parameter in float64."""
    if normalization not in NORMALIZATIONS:
        raise FairTuneError(f"`normalization` is {normalization!r}; choose from {', '.join(NORMALIZATIONS)}.")
    norm = NORMALIZATIONS[normalization]
    bias, prediction = importance.bias, importance.prediction
    return {n: normalized(bias[n], norm) / (normalized(prediction[n], norm) + EPSILON) for n in prediction}


def normalized(values: Tensor, norm: Callable[[Tensor], Tensor]) -> Tensor:
    """Return `norm(values)` in float64, or the values themselves where they are all equal."""
    values = values.detach().double()
    constant = values.numel() < 2 or bool(values.min() == values.max())
    return values if constant else norm(values)
