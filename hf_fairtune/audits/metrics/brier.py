"""Brier score.

Definition: The mean over rows of (p - y)^2, p being the predicted probability of class 1 and y the label, 0 or 1.

Range: 0 to 1. 0 is certain and right in every row; a model that says the prevalence q to everyone scores q (1 - q).

Direction: Lower is better.

Traps: It mixes calibration with ranking and depends on prevalence, so a group with fewer positives scores lower
without being served better: read differences between groups next to their prevalences and calibration slopes.
Rebalanced rows change it.

Citation: Brier 1950, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78.
"""

import math
from dataclasses import replace
from typing import cast

import numpy as np
from scipy.stats import t

from ...document.estimate import Estimate, Reason, Unit, point, undefined
from .metric import Metric

METRIC = Metric(better="lower")
MEAN = "mean +- t standard errors"
CLUSTERED_MEAN = "mean +- t cluster-robust standard errors"


def brier(
    labels: np.ndarray,
    scores: np.ndarray,
    clusters: np.ndarray | None = None,
    confidence: float = 0.95,
    weights: np.ndarray | None = None,
) -> Estimate:
    """Compute the mean squared difference of probabilities of class 1 and labels, [n] each, see `mean_interval`.

    The interval ends at 0 and 1, between which every Brier score lies.
    """
    found = mean_interval((scores - labels) ** 2, clusters, confidence, weights)
    return replace(found, low=np.maximum(found.low, 0.0).item(), high=np.minimum(found.high, 1.0).item())


def mean_interval(
    values: np.ndarray,
    clusters: np.ndarray | None = None,
    confidence: float = 0.95,
    weights: np.ndarray | None = None,
) -> Estimate:
    """Compute the mean of values, [n], with its interval; `clusters` as codes, [n], None where rows are independent.

    variance = G / (G - 1) * sum over clusters of (sum of deviations from the mean)^2 / n^2, G clusters; quantiles of t
    with effective clusters - 1 degrees of freedom. Without clusters every row is its own, and that is the usual
    interval. Weights, [n], need clusters; their sum stands for n. NaN with a reason without rows; no interval, with
    a reason, for a single cluster or equal values.

    Source: Liang & Zeger 1986, "Longitudinal data analysis using generalized linear models", Biometrika 73.
    """
    method, unit = (MEAN, "rows") if clusters is None else (CLUSTERED_MEAN, "clusters")
    if not len(values):
        return undefined(method, Reason("too_few", unit="rows", count=0, needed=1))
    value = float(np.average(values, weights=weights))
    sums: np.ndarray = values - value
    units, whole = float(len(values)), len(values)
    if weights is not None:
        sums, whole = sums * weights, weights.sum()
    if clusters is not None:
        from ..engine.clusters import effective_clusters  # only where there are clusters

        units = effective_clusters(clusters, weights)
        sums = np.bincount(clusters, weights=sums)[np.bincount(clusters) > 0]
    if len(sums) < 2:
        return point(value, method, Reason("too_few", unit=cast(Unit, unit), count=1, needed=2))
    if np.ptp(values) < 1e-12:
        return point(value, method, Reason("equal_values"))
    error = math.sqrt(len(sums) / (len(sums) - 1) * float(sums @ sums)) / whole
    half = float(t.ppf((1 + confidence) / 2, units - 1)) * error
    return Estimate(value, value - half, value + half, method)
