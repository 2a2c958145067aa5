"""The exact diagonal Fisher information of both losses: squared gradients row by row, from one backward sweep."""

from __future__ import annotations

import logging
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..losses.contrast import Contrast, GroupPair, contrast_for
from .layer_taps import Taps
from .row_weights import EarlyWeights, KnownWeights
from .rows import Reading, Rows, device_of, finite, margins_of
from .squares import Squares, Weigh
from .tap_check import checked_taps, gradients_of

logger = logging.getLogger(__name__)


class Asked(Reading, Protocol):
    """What measuring needs of the options."""

    @property
    def bias(self) -> str:
        """Return the name of the bias loss."""

    @property
    def contrast(self) -> str | Contrast:
        """Return the groups to compare, or how to choose them."""

    @property
    def chunk_size(self) -> int:
        """Return the rows of a chunk."""


# Importance for prediction and for bias, terms of the bias loss left out, groups compared.
Found = tuple[dict[str, Tensor], dict[str, Tensor], int, Contrast]


def sample_fisher(model: nn.Module, data: Any, rows: Rows, asked: Asked) -> Found:
    """Return the means over rows of the squared gradients of both losses; no term lacks a cell.

    Args:
        model: in evaluation mode, without trainable parameters.

    Raises:
        FairTuneError: the data changed since `rows` were read, rows of a batch influence each other, or log-odds are
            not finite.

    Source: Yan et al., SWiFT (MELBA 2025), eq. 5-6; the losses' derivatives by log-odds are taken over all rows.
    """
    taps = checked_taps(model, rows.first)
    pair, squares = early_pair(asked.contrast, rows), None
    if pair is None:
        margins = margins_of(model, data, rows, asked)
    else:
        early = EarlyWeights(rows, pair, asked.bias)
        squares = swept(taps, data, rows, asked, early)
        margins = finite(early.margins)
    contrast = chosen(asked.contrast, margins, rows)
    known = KnownWeights(margins, rows, contrast, asked.bias)
    if squares is None or not torch.allclose(early.given, known.weights, rtol=1e-6, atol=0):
        squares = swept(taps, data, rows, asked, known)
    slowly = sorted(set(squares.shapes) - taps.covered())
    if slowly:
        squares.weigh = known
        one_by_one(model, data, rows, slowly, squares, asked)
    return *squares.result(), 0, contrast


def early_pair(contrast: str | Contrast, rows: Rows) -> GroupPair | None:
    """Return the two groups to compare where they are known before the log-odds are, in any order; else None."""
    if isinstance(contrast, GroupPair):
        return contrast
    return GroupPair(0, 1) if int(rows.groups.max()) == 1 else None


def chosen(contrast: str | Contrast, margins: Tensor, rows: Rows) -> Contrast:
    """Return the contrast, chosen by the log-odds unless it is given."""
    return contrast_for(contrast, margins, rows.labels, rows.groups) if isinstance(contrast, str) else contrast


def swept(taps: Taps, data: Any, rows: Rows, asked: Asked, weigh: Weigh) -> Squares:
    """Return the sums of squares over all rows."""
    squares = Squares(taps.model, weigh)
    for batch in rows.again(data, asked, device_of(taps.model), "Fisher information"):
        for chunk in batch["pixel_values"].split(asked.chunk_size):
            taps.sweep(chunk, squares, asked.dtype)
    return squares


def one_by_one(model: nn.Module, data: Any, rows: Rows, names: list[str], squares: Squares, asked: Asked) -> None:
    """Add the squared gradients of parameters that have no formula: a backward pass for every row."""
    logger.info("No gradients by row for %d parameters (such as %s): one image at a time.", len(names), names[0])
    squares.restart(names)
    one = torch.ones(1, device=device_of(model))
    for batch in rows.again(data, asked, device_of(model), "Fisher information, one by one"):
        for row in batch["pixel_values"].split(1):
            squares.begin(one)
            for name, gradient in gradients_of(model, row, names, one).items():
                squares.add(name, slice(0, 1), gradient.unsqueeze(0))
