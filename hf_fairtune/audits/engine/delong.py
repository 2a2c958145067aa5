"""AUCs with DeLong's variance, for independent rows and for clusters, and their intervals."""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtri, stdtrit
from scipy.stats import norm

from ...document.estimate import NAN, Estimate, Reason, Unit, undefined
from .ranks import midranks

LOGIT_DELONG = "logit-DeLong"
LOGIT_OBUCHOWSKI = "logit-DeLong by clusters (Obuchowski)"
WEIGHTED = ", weighted"
NEWCOMBE = "Newcombe score"
# Below the variance of a single discordant pair among 10^14: what is left is rounding.
ROUNDING = 1e-28


def auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Compute the AUC as the Mann-Whitney statistic: P(positive above negative) + P(tie) / 2.

    Labels are 0 or 1, [n], scores finite, [n], here and below; weights are above 0, [n], so that pairs count w_i w_j,
    None where rows count alike. Exact under ties; NaN if a class is missing.

    Source: Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve", eq. 1.
    """
    positive = np.asarray(labels) == 1
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    if not n_positive or not n_negative:
        return NAN
    if weights is not None:
        return float(np.average(placements(positive, scores, weights)[0], weights=weights[positive]))
    rank_sum = midranks(scores)[positive].sum()
    return float((rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def placements(
    positive: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the share of negatives below each positive, and of positives below each negative; ties count half."""
    if weights is not None:
        return share_below(scores, weights, ~positive, positive), share_below(scores, weights, positive, ~positive)
    ranks, sizes = midranks(scores), (positive.sum(), (~positive).sum())
    above = (ranks[positive] - midranks(scores[positive])) / sizes[1]
    return above, (ranks[~positive] - midranks(scores[~positive])) / sizes[0]


def share_below(scores: np.ndarray, weights: np.ndarray, among: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Compute what share of the weight `among` some rows lies below each `of` others, ties counting half."""
    order = np.argsort(scores[among], kind="stable")
    ranked, below = scores[among][order], np.append(0.0, np.cumsum(weights[among][order]))
    return (
        below[np.searchsorted(ranked, scores[of], "left")] + below[np.searchsorted(ranked, scores[of], "right")]
    ) / (2 * below[-1])


def delong_parts(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Compute what positives and negatives add to DeLong's variance of the AUC, [2], in O(n log n).

    NaN with fewer than two rows in a class.

    Source: DeLong, DeLong & Clarke-Pearson 1988; mid-rank form of Sun & Xu 2014, "Fast implementation of DeLong's
    algorithm", algorithm 2.
    """
    positive = np.asarray(labels) == 1
    if min(positive.sum(), (~positive).sum()) < 2:
        return np.array([NAN, NAN])
    above, below = placements(positive, np.asarray(scores))
    return np.array([above.var(ddof=1) / len(above), below.var(ddof=1) / len(below)])


def auc_variance(
    labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray | None = None, weights: np.ndarray | None = None
) -> float:
    """Compute the variance of an AUC, DeLong's or, for clusters, Obuchowski's, in O(n log n).

    Clusters are codes, [n]; see `clusters.auc_covariances`, also for weights: those need clusters, of one row each
    where rows are independent. NaN with fewer than two rows, or clusters, in a class.
    """
    if clusters is None:
        return float(delong_parts(labels, scores).sum())
    from .clusters import auc_covariances  # only where there are clusters

    return float(auc_covariances([(np.asarray(labels), scores, clusters)], [weights])[0, 0])


def auc_interval(
    labels: np.ndarray,
    scores: np.ndarray,
    clusters: np.ndarray | None = None,
    confidence: float = 0.95,
    weights: np.ndarray | None = None,
) -> Estimate:
    """Compute the AUC with its interval on the logit scale; NaN with a reason if a class is missing.

    Clusters that hold one row each are none, but for weighted rows, see `auc_variance`. For others the quantile is of
    Student's t with as many degrees of freedom as effective clusters of the scarcer class, less 1: a normal one covers
    .86 to .90 where sizes are unequal.

    That has no width, or none that is defined, at an AUC of 0 or 1, when no score separates the classes, or with a
    single row in a class; there the score interval of Newcombe takes over, which stays open, and `method` says so.
    Rows need not be of one group: for a cross-group AUC pass positives of one and negatives of the other.

    Source: Pepe 2003, "The Statistical Evaluation of Medical Tests", 5.2.
    """
    grouped = clusters is not None and bool(np.bincount(clusters).max(initial=0) > 1)
    if weights is None and not grouped:
        clusters = None
    method, value = LOGIT_OBUCHOWSKI if grouped else LOGIT_DELONG, auc(labels, scores, weights)
    method += "" if weights is None else WEIGHTED
    if math.isnan(value):
        unit: Unit = "rows" if not len(labels) else "negatives" if np.any(np.asarray(labels) == 1) else "positives"
        return undefined(method, Reason("too_few", unit=unit, count=0, needed=1))
    variance = auc_variance(labels, scores, clusters, weights)
    if not variance > ROUNDING or value in (0.0, 1.0):
        low, high = newcombe_interval(value, *class_sizes(np.asarray(labels), clusters, weights), confidence)
        return Estimate(value, low, high, f"{NEWCOMBE} by clusters" if grouped else NEWCOMBE)
    quantile = float(ndtri((1 + confidence) / 2))
    if clusters is not None:
        from .clusters import auc_degrees  # only where there are clusters

        quantile = float(stdtrit(auc_degrees(np.asarray(labels), clusters, weights), (1 + confidence) / 2))
    return Estimate(value, *logit_interval(value, variance, quantile), method)


def logit_interval(value: float, variance: float, quantile: float) -> tuple[float, float]:
    """Compute the ends of an interval on the logit scale, of a value within 0 and 1 and its variance."""
    width = quantile * math.sqrt(variance) / (value * (1 - value))
    return float(expit(logit(value) - width)), float(expit(logit(value) + width))


def class_sizes(labels: np.ndarray, clusters: np.ndarray | None, weights: np.ndarray | None) -> tuple[float, float]:
    """Count independent positives and negatives, of weighted ones what they are worth."""
    parts = labels == 1, labels == 0
    if clusters is None:
        return float(parts[0].sum()), float(parts[1].sum())
    from .clusters import independent  # only where there are clusters

    sizes = [independent(clusters[own], None if weights is None else weights[own]) for own in parts]
    return sizes[0], sizes[1]


def newcombe_interval(
    value: float, n_positive: float, n_negative: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Compute the score interval of an AUC from its value and the class sizes alone.

    Solves |AUC - t| = z * sqrt(V(t)) for t, V being Hanley & McNeil's variance with both class sizes replaced by their
    mean. At AUC = 1 the upper bound is 1 and the lower one is below it.

    Source: Newcombe 2006, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part
    2", Statistics in Medicine 25, method 5.
    """
    z, extra, ends = ndtri((1 + confidence) / 2), (n_positive + n_negative) / 2 - 1, []

    def excess(t: float, reached: float) -> float:
        shape = 1 + extra * ((1 - t) / (2 - t) + t / (1 + t))
        return reached - t - z * math.sqrt(t * (1 - t) * shape / (n_positive * n_negative))

    # The trivial root t = AUC = 1 is kept out of the bracket; the upper bound is the lower one of 1 - AUC.
    for end in (value, 1.0 - value):
        ends.append(0.0 if end == 0 else float(brentq(excess, 0.0, min(end, 1 - 1e-12), (end,))))
    return ends[0], 1.0 - ends[1]


def mover_difference(first: Estimate, second: Estimate, correlation: float = 0.0) -> Estimate:
    """Subtract two numbers, `first` - `second`, with the MOVER interval made of theirs; independent ones have r = 0.

    low = d - sqrt(u^2 + v^2 - 2 r u v) with u = a - a_low and v = b_high - b, high = d + sqrt(...) with u = a_high - a
    and v = b - b_low.

    Source: Zou & Donner 2008, "Construction of confidence limits about effect measures", Statistics in Medicine 27;
    Zou 2007, "Toward using confidence intervals to compare correlations", for the correlation.
    """
    method = f"MOVER of {' and '.join(dict.fromkeys((first.method, second.method)))}"
    difference = first.value - second.value
    below, above, halves = first.value - first.low, first.high - first.value, []
    for u, v in ((below, second.high - second.value), (above, second.value - second.low)):
        halves.append(math.sqrt(max(u * u + v * v - 2 * correlation * u * v, 0.0)))
    low, high = max(difference - halves[0], -1.0), min(difference + halves[1], 1.0)
    return Estimate(difference, low, high, method, first.reasons + second.reasons)


def paired_delong(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Test that two models rank the same independent rows equally well.

    Each row's placement under the one model is subtracted from that under the other: the variance of the differences
    is DeLong's V1 + V2 - 2 C without its matrices, in O(n log n).

    Returns:
        The first AUC minus the second, its variance, and two-sided p; NaN throughout if a class is missing, NaN
        variance and p with a single row in a class. Models that place every row alike have p 1; where placements
        differ but never vary there is no test, and p is NaN.

    Source: DeLong, DeLong & Clarke-Pearson 1988, eq. 5 to 9; placements from mid-ranks as in Sun & Xu 2014.
    """
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
