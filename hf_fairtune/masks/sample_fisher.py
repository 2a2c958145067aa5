"""The exact diagonal Fisher information of both losses: squared gradients row by row, from one backward sweep."""

from __future__ import annotations

import logging
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..errors import FairTuneError
from ..losses.contrast import Contrast
from ..losses.loss import bias_loss_named, weighted_bce
from .layer_taps import Taps
from .rows import Reading, Rows, batches, device_of, forward

logger = logging.getLogger(__name__)

Found = tuple[dict[str, Tensor], dict[str, Tensor], int]
# Of two ways to the same gradient; one that mixes up rows is wrong by its own size.
TOLERANCE = 1e-2
# Below this share of the largest gradient is rounding, such as of a key's bias, which the softmax ignores.
NOISE = 1e-5


class Asked(Reading, Protocol):
    """What the sweep needs of the options."""

    @property
    def bias(self) -> str:
        """Return the name of the bias loss."""

    @property
    def chunk_size(self) -> int:
        """Return the rows of a chunk."""


class Squares:
    """Weighted sums of squared gradients, one for each loss.

    Args:
        model: gives names and shapes.
        weights: of every row in the two sums, [2, n].
    """

    def __init__(self, model: nn.Module, weights: Tensor) -> None:
        self.start = 0
        self.weights = weights
        self.shapes = {name: p.shape for name, p in model.named_parameters()}
        device = weights.device
        self.sums = {name: torch.zeros(2, shape.numel(), device=device) for name, shape in self.shapes.items()}

    def add(self, name: str, rows: slice, gradients: Tensor) -> None:
        """Add gradients [rows, *shape] of the chunk that begins at `start`."""
        if name in self.sums:
            squares = gradients.detach().flatten(1).float().square()
            self.sums[name].addmm_(self.weights[:, self.start + rows.start : self.start + rows.stop], squares)

    def restart(self, names: set[str]) -> None:
        """Set the sums of these parameters to zero."""
        for name in names:
            self.sums[name].zero_()

    def result(self, loss: int) -> dict[str, Tensor]:
        """Return the sums of one loss in the parameters' shapes."""
        return {name: sums[loss].reshape(self.shapes[name]).clone() for name, sums in self.sums.items()}


def sample_fisher(model: nn.Module, data: Any, rows: Rows, contrast: Contrast, asked: Asked) -> Found:
    """Return the means over rows of the squared gradients of both losses; no term lacks a cell.

    Args:
        model: in evaluation mode, without trainable parameters.

    Raises:
        FairTuneError: the data changed since `rows` were read, or rows of a batch influence each other.

    Source: Yan et al., SWiFT (MELBA 2025), eq. 5-6; the losses' derivatives by log-odds are taken over all rows.
    """
    taps = checked_taps(model, rows.first.to(device_of(model)))
    squares = Squares(model, row_weights(rows, contrast, asked.bias).to(device_of(model), torch.float32))
    start = 0
    for batch in batches(data, asked, device_of(model), "Fisher information"):
        rows.check(batch, start)
        for chunk in batch["pixel_values"].split(asked.chunk_size):
            squares.start = start
            taps.sweep(chunk, squares.add, asked.dtype)
            start += len(chunk)
    slowly = set(squares.shapes) - taps.covered()
    if slowly:
        squares.restart(slowly)
        one_by_one(model, data, sorted(slowly), squares, asked)
    return squares.result(0), squares.result(1), 0


def row_weights(rows: Rows, contrast: Contrast, bias: str) -> Tensor:
    """Return (dl_i/dz_i)² / N and (N · dL_B/dz_i)² / N, [2, N], float64."""
    margins = rows.margins.clone().requires_grad_()
    with torch.enable_grad():
        biased = contrast(bias_loss_named(bias), margins.sigmoid(), rows.labels, rows.groups)
        losses = weighted_bce(margins, rows.labels), biased.value
        slopes = [torch.autograd.grad(loss, margins)[0] for loss in losses]
    n = len(margins)
    return torch.stack(slopes).mul(n).square().div(n)


def checked_taps(model: nn.Module, pixels: Tensor) -> Taps:
    """Return the taps of a model, without those that disagree with autograd on the first rows.

    Raises:
        FairTuneError: rows influence each other.
    """
    with torch.no_grad():
        alone = torch.cat([forward(model, row) for row in pixels.split(1)])
        together = forward(model, pixels)
    if not torch.allclose(alone, together, rtol=TOLERANCE, atol=TOLERANCE):
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
    named = dict(model.named_parameters())
    sums = {name: torch.zeros_like(p) for name, p in named.items()}

    def add(name: str, rows: slice, gradients: Tensor) -> None:
        if name in sums:
            sums[name] += torch.tensordot(weights[rows].to(gradients.dtype), gradients, 1).reshape(sums[name].shape)

    taps.sweep(pixels, add)
    truth = gradients_of(model, pixels, list(named), weights)
    largest = max(float(t.square().mean().sqrt()) for t in truth.values())
    for name, exact in truth.items():
        size, error = (float(t.square().mean().sqrt()) for t in (exact, sums[name] - exact))
        if not error <= TOLERANCE * size + NOISE * largest:
            taps.unfit.add(name)


def gradients_of(model: nn.Module, pixels: Tensor, names: list[str], weights: Tensor) -> dict[str, Tensor]:
    """Return autograd's gradients of the weighted sum of log-odds; 0 where a parameter is not used."""
    named = dict(model.named_parameters())
    parameters = [named[name].requires_grad_() for name in names]
    try:
        with torch.enable_grad():
            total = (forward(model, pixels) * weights).sum()
            found = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
    finally:
        for parameter in parameters:
            parameter.requires_grad_(False)
    return dict(zip(names, found, strict=True))


def one_by_one(model: nn.Module, data: Any, names: list[str], squares: Squares, asked: Asked) -> None:
    """Add the squared gradients of parameters that have no formula: a backward pass for every row."""
    logger.info("No gradients by row for %d parameters (such as %s): one image at a time.", len(names), names[0])
    squares.start = 0
    one = torch.ones(1, device=device_of(model))
    for batch in batches(data, asked, device_of(model), "Fisher information, one by one"):
        for row in batch["pixel_values"].split(1):
            for name, gradient in gradients_of(model, row, names, one).items():
                squares.add(name, slice(0, 1), gradient.unsqueeze(0))
            squares.start += 1
