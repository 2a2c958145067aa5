"""Intervals of numbers from influences: how far each row, or each cluster of rows, moves a number."""

import math
from typing import cast

import numpy as np
from scipy.special import expit, logit, stdtrit

from ...document.estimate import Estimate, Reason, Unit, point
from .bootstrap import BLIND

SANDWICH, LOGIT_SANDWICH = "sandwich", "sandwich on the logit scale"


def influence_interval(
    value: float, moves: np.ndarray, clusters: np.ndarray | None, confidence: float, share: bool = False
) -> Estimate:
    """Give a number the interval of its linearised variance, `moves` being how far each row moves it, [n], sum 0.

    variance = G / (G - 1) * sum of u_g^2, u_g the sum of moves in each of G clusters (codes, [n]; None where each row
    is one), quantiles of t. Degrees of freedom are those of that sum: 2 / (sum of u_g^4 / (sum of u_g^2)^2 - 1 / G),
    at most G - 1: about G - 1 where u_g are normal, few where a few clusters make up the variance. A `share` lies
    between 0 and 1, and so does its interval, on the logit scale.

    No interval, with a reason, for a single row or cluster, where no row moves the number, and at a share of 0 or 1.

    Source: Liang & Zeger 1986, "Longitudinal data analysis using generalized linear models", Biometrika 73, for the
    variance; Pan & Wall 2002, "Small-sample adjustments in using the sandwich variance estimator in generalized
    estimating equations", Statistics in Medicine 21, for the degrees of freedom.
    """
    scale, unit = LOGIT_SANDWICH if share else SANDWICH, "rows" if clusters is None else "clusters"
    method, sums = (scale, moves) if clusters is None else (f"cluster-robust {scale}", grouped(moves, clusters))
    if len(sums) < 2:
        return point(value, method, Reason("too_few", unit=cast(Unit, unit), count=len(sums), needed=2))
    squares = sums * sums
    total = float(squares.sum())
    if not math.sqrt(total) >= BLIND or (share and not 0 < value < 1):
        return point(value, method, Reason("equal_values"))
    uneven = float(squares @ squares) / total**2 - 1 / len(sums)
    degrees = min(2 / max(uneven, BLIND), len(sums) - 1)
    half = float(stdtrit(degrees, (1 + confidence) / 2)) * math.sqrt(len(sums) / (len(sums) - 1) * total)
    if not share:
        return Estimate(value, value - half, value + half, method)
    half /= value * (1 - value)
    return Estimate(value, float(expit(logit(value) - half)), float(expit(logit(value) + half)), method)


def mean_moves(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Return how far each row moves the mean of values, [n], weighted or plain."""
    if weights is None:
        return np.asarray((values - values.mean()) / len(values))
    shares = weights / weights.sum()
    return np.asarray((values - values @ shares) * shares)


def left_out(moves: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Turn how far weighted rows move a number, [n], into about how far it moves without each: heavy rows by more.

    moves / (1 - share of the row in its class). With 27 effective positives intervals of an average precision hold it
    in .93, without this in .92.

    Source: MacKinnon & White 1985, "Some heteroskedasticity-consistent covariance matrix estimators with improved
    finite sample properties", Journal of Econometrics 29, on the jackknife.
    """
    whole = np.bincount(labels, weights, 2)
    return np.asarray(moves / np.maximum(1 - weights / whole[labels], BLIND))


def grouped(moves: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Sum moves within each cluster that occurs."""
    return np.bincount(clusters, moves)[np.bincount(clusters) > 0]
