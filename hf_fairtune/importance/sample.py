"""The exact diagonal Fisher information: squared gradients row by row, from one backward sweep; or of a whole bias."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from ..losses.contrast import Contrast, GroupPair
from .importance import Importance
from .layer_taps import Taps, checked_taps, gradients_of
from .slopes import bias_in, chosen, slopes
from .stable_rows import StableRows, several_logits
from .sums import Sums

PREDICTION, BIAS = BOTH = 0, 1
logger = logging.getLogger(__name__)


def sample_fisher(model: nn.Module, rows: StableRows, losses: Sequence[int] = BOTH) -> Importance:
    """Return the means over rows of the squared gradients of both losses; of several logits only those of `losses`.

    Source: Yan et al., SWiFT (MELBA 2025), eq. 5-6; the losses' derivatives by log-odds are taken over all rows.
    """
    taps = checked_taps(model, rows.first)
    several = several_logits(model)
    sums, outputs, contrast = by_logits(taps, rows, losses) if several else by_log_odds(taps, rows)
    prediction, bias = ({name: both[loss].clone() for name, both in sums.values.items()} for loss in BOTH)
    empty = bias_in(outputs, rows.labels, rows.groups, rows.options, contrast).empty
    return Importance(prediction, bias, len(rows.labels), int(empty), contrast)


def by_log_odds(taps: Taps, rows: StableRows) -> tuple[Sums, Tensor, Contrast]:
    """Return the sums for two classes, whose log-odds both losses depend on; the log-odds; what is compared."""
    pair, sums = early_pair(rows), None
    if pair is None:
        margins = rows.margins(taps.model)
    else:
        sums, margins, given = early_sums(taps, rows, pair)
    contrast = chosen(margins, rows)
    weights = row_weights(margins, rows, contrast)

    def known(start: int, part: Tensor) -> Tensor:
        return weights[:, start : start + len(part)]

    if sums is None or not torch.allclose(given, weights, rtol=1e-6, atol=0):
        sums = swept(taps, rows, Sums(taps.model, known))
    if slowly := sums.begin_again(taps.covered()):
        sums.weigh = known
        one_by_one(rows, slowly, sums, torch.ones(len(margins)))
    return sums, margins, contrast


def by_logits(taps: Taps, rows: StableRows, losses: Sequence[int]) -> tuple[Sums, Tensor, Contrast]:
    """Return the sums for several logits, along whose gradient each loss takes a sweep; the logits; what is compared.

    Of losses that are not asked for the sums stay 0.

    A row's gradient of a loss is the sum over logits of N * dL/dz_ic * dz_ic/dθ: that of one number a row.
    """
    logits = rows.margins(taps.model)
    contrast, n = chosen(logits, rows), len(logits)
    directions = slopes(logits, rows, contrast) * n
    sums = Sums(taps.model, partial(share_of, 0, n))
    for loss in losses:
        sums.weigh = partial(share_of, loss, n)
        swept(taps, rows, sums, directions[loss])
    if slowly := sums.begin_again(taps.covered()):
        for loss in losses:
            sums.weigh = partial(share_of, loss, n)
            one_by_one(rows, slowly, sums, directions[loss])
    return sums, logits, contrast


def share_of(loss: int, n: int, start: int, part: Tensor) -> Tensor:
    """Return the weights of rows that count for one loss alone, 1 / n each."""
    weights = torch.zeros(2, len(part))
    weights[loss] = 1 / n
    return weights


def whole_fisher(model: nn.Module, rows: StableRows) -> Importance:
    """Return the importance for prediction row by row, and for bias the squared gradient of the loss of all rows.

    A bias loss is a statistic of groups, not a sum over rows: by row or by batch, most of its square is the variance
    of the rows' gradients, in which the signs that set one group against the other are gone. Here they are kept.
    """
    found = sample_fisher(model, rows, losses=(PREDICTION,))
    slope = slopes(rows.margins(model), rows, found.contrast)[BIAS]
    sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    start = 0
    for pixels in rows.chunks("Gradient of the bias", rows.options.chunk_size):
        weights = slope[start : start + len(pixels)]
        for name, gradient in gradients_of(model, pixels, list(sums), weights, rows.options.dtype).items():
            sums[name] += gradient
        start += len(pixels)
    return replace(found, bias={name: total.float().square() for name, total in sums.items()})


def early_pair(rows: StableRows) -> GroupPair | None:
    """Return the two groups to compare where they are known before the log-odds are, in any order; else None."""
    if isinstance(rows.options.contrast, GroupPair):
        return rows.options.contrast
    return GroupPair(0, 1) if int(rows.groups.max()) == 1 else None


def early_sums(taps: Taps, rows: StableRows, pair: GroupPair) -> tuple[Sums, Tensor, Tensor]:
    """Return sums weighed before later rows are seen, which saves the model a pass; the log-odds; the weights given.

    Between two groups, dL_B/dp_i is ± a number that depends on counts alone for every loss made of absolute
    differences of means, and its square is the same whatever the other log-odds are. Rows not seen yet stand in by a
    probability for each group. The weights given are to be compared with those from all log-odds.
    """
    margins = rows.groups.double()
    given = torch.zeros(2, len(margins), dtype=torch.float64)

    def weigh(start: int, part: Tensor) -> Tensor:
        seen = slice(start, start + len(part))
        margins[seen] = part.cpu().double()
        given[:, seen] = row_weights(margins, rows, pair)[:, seen]
        return given[:, seen]

    return swept(taps, rows, Sums(taps.model, weigh)), margins, given


def row_weights(margins: Tensor, rows: StableRows, contrast: Contrast) -> Tensor:
    """Return what squared gradients of log-odds weigh: (dl_i/dz_i)² / N and (N · dL_B/dz_i)² / N, as `slopes`."""
    return slopes(margins, rows, contrast).square() * len(margins)


def swept(taps: Taps, rows: StableRows, sums: Sums, directions: Tensor | None = None) -> Sums:
    """Add the squares over all rows; `directions` of several logits are [n, classes], see `Taps.sweep`."""
    sums.row = 0
    for pixels in rows.chunks("Fisher information", rows.options.chunk_size):
        own = None if directions is None else directions[sums.row : sums.row + len(pixels)]
        taps.sweep(pixels, sums, rows.options.dtype, own)
    return sums


def one_by_one(rows: StableRows, names: list[str], sums: Sums, directions: Tensor) -> None:
    """Add the squared gradients of parameters that have no formula: a backward pass for every row."""
    logger.info("No gradients by row for %d parameters (such as %s): one image at a time.", len(names), names[0])
    sums.row = 0
    for row in rows.chunks("Fisher information, one by one", 1):
        along = directions[sums.row : sums.row + 1].to(rows.device)
        sums.begin(along)
        for name, gradient in gradients_of(sums.model, row, names, along).items():
            sums.add(name, slice(0, 1), gradient.unsqueeze(0))
