"""Which taps can be trusted: their gradients are held against autograd's on two rows of the data."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import FairTuneError
from .layer_taps import Taps
from .stable_rows import forward
from .sums import Sums

# Of two ways to the same gradient; one that mixes up rows is wrong by its own size.
TOLERANCE = 1e-2
# Below this share of the largest gradient is rounding, such as of a key's bias, which the softmax ignores.
NOISE = 1e-5


def checked_taps(model: nn.Module, pixels: Tensor) -> Taps:
    """Return the taps of a model, without those that disagree with autograd.

    Args:
        model: in evaluation mode, without trainable parameters.
        pixels: of two rows, [2, ...], or one.

    Raises:
        FairTuneError: rows influence each other.
    """
    with torch.no_grad():
        alone, together = forward(model, pixels[:1]), forward(model, pixels)
    if not torch.allclose(alone, together[:1], rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
        raise FairTuneError(
            "the logits of an image change with the other images of its batch, even in evaluation mode; use a model "
            "without normalisation over the batch (or with running statistics)."
        )
    taps = Taps(model)
    taps.check_lone(pixels, together)
    _drop_unfit(taps, model, pixels)
    return taps


def _drop_unfit(taps: Taps, model: nn.Module, pixels: Tensor) -> None:
    """Drop taps whose gradients, weighted differently by row, do not sum up to autograd's of the weighted log-odds."""
    weights = torch.tensor([1.0, -0.5][: len(pixels)], device=pixels.device)
    totals = Sums(model, lambda start, margins: weights[None], n_sums=1, squared=False)
    taps.sweep(pixels, totals)
    truth = gradients_of(model, pixels, list(totals.values), weights)
    largest = max(_size(exact) for exact in truth.values())
    for name, exact in truth.items():
        if not _size(totals.values[name][0] - exact) <= TOLERANCE * _size(exact) + NOISE * largest:
            taps.unfit.add(name)


def _size(values: Tensor) -> float:
    """Return the root mean square."""
    return float(values.square().mean().sqrt())


def gradients_of(
    model: nn.Module, pixels: Tensor, names: list[str], weights: Tensor, dtype: torch.dtype | None = None
) -> dict[str, Tensor]:
    """Return autograd's gradients of the weighted sum of log-odds; 0 where a parameter is not used."""
    named = dict(model.named_parameters())
    parameters = [named[name].requires_grad_() for name in names]
    try:
        with torch.enable_grad():
            margins = forward(model, pixels, dtype)
            total = (margins * weights.to(margins)).sum()
            found = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
    finally:
        for parameter in parameters:
            parameter.requires_grad_(False)
    return dict(zip(names, found, strict=True))
