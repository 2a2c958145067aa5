"""Interval of a mean over rows, some of which may belong together."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import t

from .estimate import NAN, Estimate, undefined

MEAN = "mean +- t standard errors"
CLUSTERED_MEAN = "mean +- t cluster-robust standard errors"


def mean_interval(values: np.ndarray, clusters: np.ndarray | None = None, confidence: float = 0.95) -> Estimate:
    """Compute a mean with its interval.

    variance = G / (G - 1) * sum over clusters of (sum of deviations from the mean)^2 / n^2, G clusters; quantiles of t
    with G - 1 degrees of freedom. Without clusters every row is its own, and that is the usual interval.

    Args:
        values: one a row, [n].
        clusters: codes, [n]; None where rows are independent.
        confidence: such as 0.95.

    Returns:
        NaN with a reason without rows; no interval, with a reason, for a single cluster or equal values.

    Source: Liang & Zeger 1986, "Longitudinal data analysis using generalized linear models", Biometrika 73.
    """
    method = MEAN if clusters is None else CLUSTERED_MEAN
    if not len(values):
        return undefined(method, "no rows")
    value = float(np.mean(values))
    sums = cluster_sums(values - value, clusters)
    unit = "row" if clusters is None else "cluster"
    if len(sums) < 2:
        return Estimate(value, NAN, NAN, method, f"no interval: a single {unit}")
    if np.ptp(values) < 1e-12:
        return Estimate(value, NAN, NAN, method, "no interval: the same value in every row")
    error = math.sqrt(len(sums) / (len(sums) - 1) * float(sums @ sums)) / len(values)
    half = float(t.ppf((1 + confidence) / 2, len(sums) - 1)) * error
    return Estimate(value, value - half, value + half, method)


def cluster_sums(values: np.ndarray, clusters: np.ndarray | None) -> np.ndarray:
    """Sum values by cluster, [n_clusters] of those that occur, or return them where rows are independent."""
    if clusters is None:
        return values
    sums = np.bincount(clusters, weights=values)
    return sums[np.bincount(clusters) > 0]
