"""Confidence intervals of an AUC, and of the difference of two groups' AUCs."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from ..metrics.auc import auc
from .estimate import NAN, Estimate, undefined

LOGIT_DELONG = "logit-DeLong"
NEWCOMBE = "Newcombe score"
# Below the variance of a single discordant pair among 10^14: what is left is rounding.
ROUNDING = 1e-28


def delong_variance(labels: np.ndarray, scores: np.ndarray) -> float:
    """Compute DeLong's variance of the AUC; NaN with fewer than two rows in a class. See `delong_parts`."""
    return sum(delong_parts(labels, scores))


def delong_parts(labels: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Compute what the positives and what the negatives add to DeLong's variance of the AUC, in O(n log n).

    Args:
        labels: 0 or 1, [n].
        scores: finite, [n].

    Returns:
        The two parts; NaN with fewer than two rows in a class.

    Source: DeLong, DeLong & Clarke-Pearson 1988; mid-rank form of Sun & Xu 2014, "Fast implementation of DeLong's
    algorithm", algorithm 2.
    """
    positive = np.asarray(labels) == 1
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if min(n_positive, n_negative) < 2:
        return NAN, NAN
    ranks = rankdata(scores)
    above = (ranks[positive] - rankdata(scores[positive])) / n_negative
    below = (ranks[~positive] - rankdata(scores[~positive])) / n_positive
    return float(above.var(ddof=1) / n_positive), float(below.var(ddof=1) / n_negative)


def auc_interval(labels: np.ndarray, scores: np.ndarray, confidence: float = 0.95) -> Estimate:
    """Compute the AUC with a confidence interval for independent rows.

    The interval is DeLong's on the logit scale (Pepe 2003, "The Statistical Evaluation of Medical Tests", 5.2). That
    has no width, or none that is defined, at an AUC of 0 or 1, when no score separates the classes, or with a single
    row in a class; there the score interval of Newcombe takes over, which stays open, and `method` says so.

    Returns:
        `method` is "logit-DeLong" or "Newcombe score"; NaN with a reason if a class is missing.
    """
    value = auc(labels, scores)
    if math.isnan(value):
        missing = "negatives" if np.any(np.asarray(labels) == 1) else "positives"
        return undefined(LOGIT_DELONG, f"no {missing}" if len(labels) else "no rows")
    variance = delong_variance(labels, scores)
    if not variance > ROUNDING:
        n_positive = int(np.sum(labels))
        low, high = newcombe_interval(value, n_positive, len(labels) - n_positive, confidence)
        return Estimate(value, low, high, NEWCOMBE)
    width = norm.ppf((1 + confidence) / 2) * math.sqrt(variance) / (value * (1 - value))
    return Estimate(value, float(expit(logit(value) - width)), float(expit(logit(value) + width)), LOGIT_DELONG)


def newcombe_interval(value: float, n_positive: int, n_negative: int, confidence: float = 0.95) -> tuple[float, float]:
    """Compute the score interval of an AUC from its value and the class sizes alone.

    Solves |AUC - t| = z * sqrt(V(t)) for t, V being Hanley & McNeil's variance with both class sizes replaced by their
    mean. At AUC = 1 the upper bound is 1 and the lower one is below it.

    Source: Newcombe 2006, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part
    2", Statistics in Medicine 25, method 5.
    """
    low = _newcombe_low(value, n_positive, n_negative, confidence)
    high = 1.0 - _newcombe_low(1.0 - value, n_positive, n_negative, confidence)
    return low, high


def _newcombe_low(value: float, n_positive: int, n_negative: int, confidence: float) -> float:
    z = norm.ppf((1 + confidence) / 2)
    extra = (n_positive + n_negative) / 2 - 1

    def excess(t: float) -> float:
        shape = 1 + extra * ((1 - t) / (2 - t) + t / (1 + t))
        return value - t - z * math.sqrt(t * (1 - t) * shape / (n_positive * n_negative))

    # The trivial root t = AUC = 1 is kept out of the bracket.
    return 0.0 if value == 0 else float(brentq(excess, 0.0, min(value, 1 - 1e-12)))


def auc_difference(first: Estimate, second: Estimate) -> Estimate:
    """Subtract two independent AUCs, `first` - `second`, with the MOVER interval made of theirs.

    low = d - sqrt((a - a_low)^2 + (b_high - b)^2), high = d + sqrt((a_high - a)^2 + (b - b_low)^2).

    Source: Zou & Donner 2008, "Construction of confidence limits about effect measures", Statistics in Medicine 27.
    """
    parts = dict.fromkeys((first.method, second.method))
    method = f"MOVER of {' and '.join(parts)}"
    reasons = [item.reason for item in (first, second) if item.reason]
    difference = first.value - second.value
    low = difference - math.hypot(first.value - first.low, second.high - second.value)
    high = difference + math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(difference, max(low, -1.0), min(high, 1.0), method, "; ".join(reasons) or None)
