"""Calibration intercept (calibration in the large).

Definition: The constant a for which expit(logit(p) + a) has the same mean as the labels, p being the predicted
probability: the maximum likelihood estimate of a logistic regression of the labels on a constant, with logit(p) as an
offset whose slope is fixed at 1.

Range: Any number, in log-odds. 0: as many positives as predicted; above 0: more than predicted (risk was
underestimated); below 0: fewer.

Direction: Nearest to 0 is best.

Traps: It is not the intercept of the line that is fitted for the calibration slope. It follows prevalence: rows
rebalanced by group and label move it although the model is the same. It says nothing about single scores. Undefined
(NaN) where a class is missing, and where a score of exactly 0 or 1 has no log-odds.

Citation: Cox 1958, "Two further applications of a model for binary regression", Biometrika 45; Van Calster et al.
2019, "Calibration: the Achilles heel of predictive analytics", BMC Medicine 17.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit


def calibration_intercept(labels: np.ndarray, scores: np.ndarray) -> float:
    """Fit the constant by maximum likelihood; NaN where `no_intercept` says why.

    Args:
        labels: 0 or 1, [n].
        scores: probabilities of class 1, [n].
    """
    if no_intercept(labels, scores):
        return float("nan")
    offset, share = logit(scores), float(np.mean(labels))
    middle = float(logit(share))

    def surplus(constant: float) -> float:
        return float(expit(offset + constant).mean()) - share

    # At these ends every row's chance is at most, or at least, the share of positives.
    low, high = middle - offset.max() - 1e-6, middle - offset.min() + 1e-6
    return float(brentq(surplus, low, high, xtol=1e-12, rtol=1e-12))


def no_intercept(labels: np.ndarray, scores: np.ndarray) -> str | None:
    """Say why there is no intercept: a class or a log-odds is missing; None where there is one."""
    if not len(labels):
        return "no rows"
    if np.min(labels) == np.max(labels):
        return "no positives" if np.max(labels) == 0 else "no negatives"
    if np.min(scores) <= 0 or np.max(scores) >= 1:
        return "scores of exactly 0 or 1 have no log-odds"
    return None
