"""Tests that two groups' AUCs are equal."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import t as student

from ..metrics.auc import auc
from .delong import ROUNDING, auc_difference, auc_interval, delong_parts
from .estimate import NAN

LOGIT_T = "logit-DeLong t test"
INVERTED = "inverted interval"


@dataclass(frozen=True)
class Test:
    """A two-sided p and what made it."""

    __test__ = False

    p: float
    method: str


def auc_difference_test(labels: tuple[np.ndarray, np.ndarray], scores: tuple[np.ndarray, np.ndarray]) -> Test:
    """Test that the AUCs of two independent samples with independent rows are equal.

    The difference of the logits over its DeLong error is referred to Student's t, its degrees of freedom those of
    the four parts of the variance (positives and negatives of either sample). Where the null holds and 5 % are asked
    for, 10 to 50 positives in the smaller sample and AUCs of 0.75 to 0.95, it rejects 0.04 to 0.07 of simulated
    pairs of normal samples alike in all but their numbers; a normal deviate rejects up to 0.08, and up to 0.11 on the
    scale of the AUC itself. Where also the spread of the positives is twice that of the negatives it rejects 0.15 of
    those with 10 positives and an AUC of 0.95, and 0.08 of those with 50.

    Where a sample has no DeLong variance, as at an AUC of 1, p is 1 minus the highest confidence at which the
    interval of the difference leaves out 0.

    Args:
        labels: 0 or 1, of either sample, [n] and [m]; both classes in each.
        scores: finite, of either sample, [n] and [m].

    Source: degrees of freedom of Satterthwaite 1946, as Brunner & Munzel 2000, "The nonparametric Behrens-Fisher
    problem", have them for one AUC.
    """
    # In one order, so that the order of the rows does not reach the last digit.
    samples = [_ordered(*sample) for sample in zip(labels, scores, strict=True)]
    values = [auc(*sample) for sample in samples]
    parts = np.array([delong_parts(*sample) for sample in samples])
    if not (parts.sum(axis=1) > ROUNDING).all():
        return Test(_inverted(samples), INVERTED)
    parts *= np.array([[logit_slope(value) ** 2] for value in values])
    free = np.array([[np.sum(own == 1) - 1, np.sum(own == 0) - 1] for own in labels])
    deviate = logit_difference(*values) / math.sqrt(parts.sum())
    return Test(float(2 * student.sf(abs(deviate), parts.sum() ** 2 / (parts**2 / free).sum())), LOGIT_T)


def clustered_difference_test(values: tuple[float, float], draws: tuple[np.ndarray, np.ndarray], units: int) -> Test:
    """Test that two AUCs with rows in clusters, which may lie in both samples, are equal.

    As `auc_difference_test`, with the standard error of the difference of logits over cluster resamples, and the
    degrees of freedom of the scarcest count.

    Args:
        values: the AUCs.
        draws: their replicates from the same resamples, [n_boot] each; NaN where undefined.
        units: clusters with positives or with negatives in either sample, whichever are the fewest.

    Returns:
        NaN where an AUC is 0 or 1: resampling says nothing there.
    """
    method = "cluster bootstrap t test"
    if any(value * (1 - value) == 0 for value in values):
        return Test(NAN, method)
    moved = draws[0] * logit_slope(values[0]) - draws[1] * logit_slope(values[1])
    error = float(np.nanstd(moved))
    if not error > 0:
        return Test(NAN, method)
    return Test(float(2 * student.sf(abs(logit_difference(*values)) / error, units - 1)), method)


def _ordered(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort((scores, labels))
    return labels[order], scores[order]


def logit_slope(value: float) -> float:
    """Return the derivative of the logit at an AUC inside (0, 1)."""
    return 1 / (value * (1 - value))


def logit_difference(first: float, second: float) -> float:
    """Subtract the logits of two AUCs inside (0, 1)."""
    return math.log(first / (1 - first)) - math.log(second / (1 - second))


def _inverted(samples: list[tuple[np.ndarray, np.ndarray]]) -> float:
    def beyond(confidence: float) -> float:
        found = auc_difference(*(auc_interval(*sample, confidence) for sample in samples))
        return found.low if found.value > 0 else -found.high

    lowest, highest = 0.001, 1 - 1e-9
    if beyond(lowest) <= 0:
        return 1.0
    return 1 - highest if beyond(highest) > 0 else 1 - float(brentq(beyond, lowest, highest))
