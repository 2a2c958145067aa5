"""Confidence interval of an AUC where rows of a cluster (a patient) belong together."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from ..metrics.auc import auc
from .delong import NEWCOMBE, ROUNDING, newcombe_interval
from .estimate import Estimate, undefined

LOGIT_OBUCHOWSKI = "logit-DeLong by clusters (Obuchowski)"


def clustered_auc_interval(
    labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray, confidence: float = 0.95
) -> Estimate:
    """Compute the AUC with an interval on the logit scale from Obuchowski's variance.

    The rows need not be of one group: for a cross-group AUC pass positives of one and negatives of the other. Where
    the variance is 0 or undefined, the score interval of Newcombe takes over with numbers of clusters for class sizes.

    Args:
        labels: 0 or 1, [n].
        scores: finite, [n].
        clusters: codes, [n].
        confidence: such as 0.95.

    Returns:
        NaN with a reason if a class is missing.
    """
    value, variance = auc(labels, scores), clustered_delong(labels, scores, clusters)[1]
    if math.isnan(value):
        missing = "negatives" if np.any(np.asarray(labels) == 1) else "positives"
        return undefined(LOGIT_OBUCHOWSKI, f"no {missing}" if len(labels) else "no rows")
    if not variance > ROUNDING or value in (0.0, 1.0):
        sizes = [len(np.unique(clusters[labels == label])) for label in (1, 0)]
        low, high = newcombe_interval(value, sizes[0], sizes[1], confidence)
        return Estimate(value, low, high, f"{NEWCOMBE} by clusters")
    width = float(norm.ppf((1 + confidence) / 2)) * math.sqrt(variance) / (value * (1 - value))
    low, high = float(expit(logit(value) - width)), float(expit(logit(value) + width))
    return Estimate(value, low, high, LOGIT_OBUCHOWSKI)


def clustered_delong(labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """Compute an AUC and its variance where rows of one cluster may depend on each other, in O(n log n).

    variance = S10 / M + S01 / N + 2 S11 / (M N), with the sums over clusters of how far placements lie from the AUC:
    S10 = I10 / ((I10 - 1) M) sum of a_i^2 over the I10 clusters with positives, S01 alike over those with negatives,
    S11 = I / (I - 1) sum of a_i b_i over all I clusters. Where every row is a cluster, it is DeLong's to the digit.

    Args:
        labels: 0 or 1, [n].
        scores: finite, [n].
        clusters: codes, [n]; a cluster may hold positives, negatives or both.

    Returns:
        The AUC, NaN if a class is missing, and the variance, NaN with fewer than two clusters in a class.

    Source: Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data", Biometrics 53, eq. 3 to 6.
    """
    positive = np.asarray(labels) == 1
    high, low = scores[positive], scores[~positive]
    if not high.size or not low.size:
        return float("nan"), float("nan")
    above, below = _placements(high, low), 1 - _placements(low, high)
    value = float(above.mean())
    a, with_positives = _summed(above - value, clusters[positive], int(clusters.max()) + 1)
    b, with_negatives = _summed(below - value, clusters[~positive], int(clusters.max()) + 1)
    if min(with_positives.sum(), with_negatives.sum()) < 2:
        return value, float("nan")
    s10 = _correction(with_positives) * float(a @ a) / high.size
    s01 = _correction(with_negatives) * float(b @ b) / low.size
    s11 = _correction(with_positives | with_negatives) * float(a @ b)
    return value, s10 / high.size + s01 / low.size + 2 * s11 / (high.size * low.size)


def _summed(distances: np.ndarray, clusters: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum by cluster and tell which clusters occur, [size] each."""
    sums = np.bincount(clusters, weights=distances, minlength=size)
    return sums, np.bincount(clusters, minlength=size) > 0


def _correction(occurring: np.ndarray) -> float:
    """Correct a variance over clusters for the mean taken from them."""
    return float(occurring.sum() / (occurring.sum() - 1))


def _placements(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Share of `others` that each of `rows` scores above, ties counting half, [n_rows]."""
    ordered = np.sort(others)
    place = np.argsort(rows)
    # Looked up in order, for the sake of memory caches.
    wins = np.searchsorted(ordered, rows[place], "left") + np.searchsorted(ordered, rows[place], "right")
    shares = np.empty(len(rows))
    shares[place] = wins / (2 * len(others))
    return shares
