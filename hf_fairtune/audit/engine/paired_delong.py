"""DeLong's test of two models' AUCs on the same rows."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import norm

from ...document.estimate import NAN
from ...errors import FairTuneError
from .delong import ROUNDING, placements


def paired_delong(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Test that two models rank the same independent rows equally well.

    Each row's placement under the one model is subtracted from that under the other: the variance of the differences
    is DeLong's V1 + V2 - 2 C without its matrices, in O(n log n).

    Args:
        labels: 0 or 1, [n].
        first: scores of one model, finite, [n].
        second: scores of the other, finite, [n].

    Returns:
        The first AUC minus the second, its variance, and the two-sided p that there is no difference. NaN throughout
        if a class is missing, NaN variance and p with a single row in a class. Models that place every row alike have
        p 1; where placements differ but never vary there is no test, and p is NaN.

    Raises:
        FairTuneError: the lengths differ.

    Source: DeLong, DeLong & Clarke-Pearson 1988, eq. 5 to 9; placements from mid-ranks as in Sun & Xu 2014.
    """
    if not len(labels) == len(first) == len(second):
        lengths = f"{len(labels)} labels, {len(first)} and {len(second)} scores"
        raise FairTuneError(f"{lengths} do not fit; pass both models' scores of the same rows, in the same order.")
    # In one order, so that the order of the rows does not reach the last digit.
    order = np.lexsort((second, first, labels))
    positive = np.asarray(labels)[order] == 1
    scarcer = min(positive.sum(), (~positive).sum())
    if not scarcer:
        return NAN, NAN, NAN
    one, other = placements(positive, first[order]), placements(positive, second[order])
    parts = one[0] - other[0], (1 - one[1]) - (1 - other[1])
    difference = float(parts[0].mean())
    if scarcer < 2:
        return difference, NAN, NAN
    variance = float(sum(part.var(ddof=1) / len(part) for part in parts))
    if variance > ROUNDING:
        return difference, variance, float(2 * norm.sf(abs(difference) / math.sqrt(variance)))
    return difference, variance, 1.0 if abs(difference) < math.sqrt(ROUNDING) else NAN
