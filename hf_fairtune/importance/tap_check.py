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
    """Return the taps of a model in evaluation mode, without those that disagree with autograd on one or two rows."""
    with torch.no_grad():
        alone, together = forward(model, pixels[:1]), forward(model, pixels)
    if not torch.allclose(alone, together[:1], rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
        raise FairTuneError(
            "the logits of an image change with the other images of its batch, even in evaluation mode; use a model "
            "without normalisation over the batch (or with running statistics)."
        )
    taps = Taps(model)
    taps.check_lone(pixels, together)
    # Each row has a sum of its own.
    sums = Sums(model, lambda row, margins: torch.eye(2)[:, : len(margins)])
    taps.sweep(pixels, sums)
    for row, image in enumerate(pixels.split(1)):
        truth = gradients_of(model, image, list(sums.values), torch.ones(1))
        largest = max(size(exact) for exact in truth.values())
        for name, exact in truth.items():
            if not size(sums.values[name][row].sqrt() - exact.abs()) <= TOLERANCE * size(exact) + NOISE * largest:
                taps.unfit.add(name)
    return taps


def size(values: Tensor) -> float:
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
