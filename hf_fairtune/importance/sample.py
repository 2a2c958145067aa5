"""The exact diagonal Fisher information: squared gradients row by row, from one backward sweep; or of a whole bias."""

import logging
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..errors import FairTuneError
from ..losses.contrast import Contrast, GroupPair, contrast_for
from ..losses.loss import bias_loss_named, weighted_bce
from .importance import Importance
from .layer_taps import Taps, checked_taps, gradients_of
from .stable_rows import StableRows
from .sums import Sums, Weigh

logger = logging.getLogger(__name__)


def sample_fisher(model: nn.Module, rows: StableRows) -> Importance:
    """Return the means over rows of the squared gradients of both losses; no term lacks a cell.

    Source: Yan et al., SWiFT (MELBA 2025), eq. 5-6; the losses' derivatives by log-odds are taken over all rows.
    """
    taps = checked_taps(model, rows.first)
    pair, sums = early_pair(rows), None
    if pair is None:
        margins = rows.margins(model)
    else:
        sums, margins, given = early_sums(taps, rows, pair)
    contrast = chosen(margins, rows)
    weights = row_weights(margins, rows, contrast)

    def known(start: int, part: Tensor) -> Tensor:
        return weights[:, start : start + len(part)]

    if sums is None or not torch.allclose(given, weights, rtol=1e-6, atol=0):
        sums = swept(taps, rows, known)
    slowly = sorted(set(sums.values) - taps.covered())
    if slowly:
        sums.weigh = known
        one_by_one(model, rows, slowly, sums)
    prediction, bias = ({name: both[loss].clone() for name, both in sums.values.items()} for loss in (0, 1))
    return Importance(prediction, bias, len(rows.labels), 0, contrast)


def whole_fisher(model: nn.Module, rows: StableRows) -> Importance:
    """Return the importance for prediction row by row, and for bias the squared gradient of the loss of all rows.

    A bias loss is a statistic of groups, not a sum over rows: by row or by batch, most of its square is the variance
    of the rows' gradients, in which the signs that set one group against the other are gone. Here they are kept.
    """
    found = sample_fisher(model, rows)
    slope = slopes(rows.margins(model), rows, found.contrast)[1]
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

    return swept(taps, rows, weigh), margins, given


def chosen(margins: Tensor, rows: StableRows) -> Contrast:
    """Return the contrast, chosen by the log-odds unless it is given; refuse log-odds that are not finite."""
    broken = int((~torch.isfinite(margins)).sum())
    if broken:
        raise FairTuneError(
            f"the model's logits are NaN or infinite in {broken} of {len(margins)} rows; check its weights and the "
            "pixels."
        )
    contrast = rows.options.contrast
    return contrast_for(contrast, margins, rows.labels, rows.groups) if isinstance(contrast, str) else contrast


def slopes(margins: Tensor, rows: StableRows, contrast: Contrast) -> Tensor:
    """Return dL/dz_i of the weighted cross-entropy and of the bias loss, both taken over all rows: [2, n], float64."""
    z = margins.clone().requires_grad_()
    with torch.enable_grad():
        biased = contrast(bias_loss_named(rows.options.bias), z.sigmoid(), rows.labels, rows.groups)
        losses = weighted_bce(z, rows.labels), biased.value
        return torch.stack([torch.autograd.grad(loss, z)[0] for loss in losses])


def row_weights(margins: Tensor, rows: StableRows, contrast: Contrast) -> Tensor:
    """Return what squared gradients of log-odds weigh: (dl_i/dz_i)² / N and (N · dL_B/dz_i)² / N, as `slopes`."""
    return slopes(margins, rows, contrast).square() * len(margins)


def swept(taps: Taps, rows: StableRows, weigh: Weigh) -> Sums:
    """Return the sums of squares over all rows."""
    sums = Sums(taps.model, weigh)
    for pixels in rows.chunks("Fisher information", rows.options.chunk_size):
        taps.sweep(pixels, sums, rows.options.dtype)
    return sums


def one_by_one(model: nn.Module, rows: StableRows, names: list[str], sums: Sums) -> None:
    """Sum the squared gradients of parameters that have no formula again: a backward pass for every row."""
    logger.info("No gradients by row for %d parameters (such as %s): one image at a time.", len(names), names[0])
    sums.row = 0
    for name in names:
        sums.values[name].zero_()
    one = torch.ones(1, device=rows.device)
    for row in rows.chunks("Fisher information, one by one", 1):
        sums.begin(one)
        for name, gradient in gradients_of(model, row, names, one).items():
            sums.add(name, slice(0, 1), gradient.unsqueeze(0))
