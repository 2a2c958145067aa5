"""Intervals of the calibration slope and intercept, right also where rows of a cluster belong together."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit, logit
from scipy.stats import t

from ..metrics.calibration_intercept import calibration_intercept, no_intercept
from ..metrics.calibration_slope import NOT_FOUND, logistic_line, no_slope
from .estimate import NAN, Estimate, undefined
from .mean import cluster_sums

SANDWICH = "maximum likelihood, sandwich"
CLUSTERED = "maximum likelihood, cluster-robust sandwich"


def slope_interval(
    labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray | None = None, confidence: float = 0.95
) -> Estimate:
    """Fit the calibration slope and give it the interval of its sandwich variance.

    variance = G / (G - 1) * (H^-1 U'U H^-1), H the information and U the score of each of G clusters, or rows where
    they are independent; quantiles of t with G - 1 degrees of freedom.

    Args:
        labels: 0 or 1, [n].
        scores: probabilities of class 1, [n].
        clusters: codes, [n]; None where rows are independent.
        confidence: such as 0.95.

    Returns:
        NaN with a reason where there is no slope, see `no_slope`.

    Source: Liang & Zeger 1986, "Longitudinal data analysis using generalized linear models", Biometrika 73.
    """
    method = SANDWICH if clusters is None else CLUSTERED
    reason = no_slope(labels, scores)
    if reason:
        return undefined(method, reason)
    z = logit(scores)
    slope, intercept = logistic_line(labels, z)
    if math.isnan(slope):
        return undefined(method, NOT_FOUND)
    # Around its weighted mean z is orthogonal to the constant, so that the information has no cross term.
    chance = expit(slope * z + intercept)
    weight = chance * (1 - chance)
    centred = z - np.average(z, weights=weight) if weight.sum() > 0 else z
    sums = cluster_sums(centred * (labels - chance), clusters)
    return _interval(slope, sums, float(weight @ centred**2), method, confidence)


def intercept_interval(
    labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray | None = None, confidence: float = 0.95
) -> Estimate:
    """Fit the calibration intercept (slope fixed at 1) and give it the interval of its sandwich variance.

    Arguments, formula and source as for `slope_interval`; NaN with a reason where there is none, see `no_intercept`.
    """
    method = SANDWICH if clusters is None else CLUSTERED
    reason = no_intercept(labels, scores)
    if reason:
        return undefined(method, reason)
    intercept = calibration_intercept(labels, scores)
    chance = expit(logit(scores) + intercept)
    sums = cluster_sums(labels - chance, clusters)
    return _interval(intercept, sums, float((chance * (1 - chance)).sum()), method, confidence)


def _interval(value: float, sums: np.ndarray, information: float, method: str, confidence: float) -> Estimate:
    if len(sums) < 2:
        return Estimate(value, NAN, NAN, method, "no interval: a single cluster")
    variance = len(sums) / (len(sums) - 1) * float(sums @ sums)
    if not information > 0 or not variance > 0:
        return Estimate(value, NAN, NAN, method, "no interval: the residuals do not vary between rows or clusters")
    half = float(t.ppf((1 + confidence) / 2, len(sums) - 1)) * math.sqrt(variance) / information
    return Estimate(value, value - half, value + half, method)
