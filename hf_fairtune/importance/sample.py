"""The exact diagonal Fisher information of both losses: squared gradients row by row, from one backward sweep."""

from __future__ import annotations

import logging

import torch
from torch import Tensor, nn

from ..losses.contrast import Contrast, GroupPair, contrast_for
from .importance import Importance
from .layer_taps import Taps
from .row_weights import EarlyWeights, row_weights
from .squares import Squares, Weigh
from .stable_rows import StableRows, finite
from .tap_check import checked_taps, gradients_of

logger = logging.getLogger(__name__)


def sample_fisher(model: nn.Module, rows: StableRows) -> Importance:
    """Return the means over rows of the squared gradients of both losses; no term lacks a cell.

    Args:
        model: in evaluation mode, without trainable parameters.

    Raises:
        FairTuneError: the rows change between passes, those of a batch influence each other, or log-odds are not
            finite.

    Source: Yan et al., SWiFT (MELBA 2025), eq. 5-6; the losses' derivatives by log-odds are taken over all rows.
    """
    taps = checked_taps(model, rows.first)
    pair, squares = early_pair(rows), None
    if pair is None:
        margins = rows.margins(model)
    else:
        early = EarlyWeights(rows, pair)
        squares = swept(taps, rows, early)
        margins = finite(early.margins)
    contrast = chosen(margins, rows)
    weights = row_weights(margins, rows, contrast)
    known: Weigh = lambda start, part: weights[:, start : start + len(part)]  # noqa: E731
    if squares is None or not torch.allclose(early.given, weights, rtol=1e-6, atol=0):
        squares = swept(taps, rows, known)
    slowly = sorted(set(squares.shapes) - taps.covered())
    if slowly:
        squares.weigh = known
        one_by_one(model, rows, slowly, squares)
    prediction, bias = squares.result()
    return Importance(prediction, bias, len(rows.labels), 0, contrast)


def early_pair(rows: StableRows) -> GroupPair | None:
    """Return the two groups to compare where they are known before the log-odds are, in any order; else None."""
    if isinstance(rows.options.contrast, GroupPair):
        return rows.options.contrast
    return GroupPair(0, 1) if int(rows.groups.max()) == 1 else None


def chosen(margins: Tensor, rows: StableRows) -> Contrast:
    """Return the contrast, chosen by the log-odds unless it is given."""
    contrast = rows.options.contrast
    return contrast_for(contrast, margins, rows.labels, rows.groups) if isinstance(contrast, str) else contrast


def swept(taps: Taps, rows: StableRows, weigh: Weigh) -> Squares:
    """Return the sums of squares over all rows."""
    squares = Squares(taps.model, weigh)
    for pixels in rows.chunks("Fisher information"):
        taps.sweep(pixels, squares, rows.options.dtype)
    return squares


def one_by_one(model: nn.Module, rows: StableRows, names: list[str], squares: Squares) -> None:
    """Add the squared gradients of parameters that have no formula: a backward pass for every row."""
    logger.info("No gradients by row for %d parameters (such as %s): one image at a time.", len(names), names[0])
    squares.restart(names)
    one = torch.ones(1, device=rows.device)
    for batch in rows.again("Fisher information, one by one"):
        for row in batch["pixel_values"].split(1):
            squares.begin(one)
            for name, gradient in gradients_of(model, row, names, one).items():
                squares.add(name, slice(0, 1), gradient.unsqueeze(0))
