"""Brier score.

Definition: The mean over rows of (p - y)^2, p being the predicted probability of class 1 and y the label, 0 or 1.

Range: 0 to 1. 0 is certain and right in every row; a model that says the prevalence q to everyone scores q (1 - q).

Direction: Lower is better.

Traps: It mixes calibration with ranking and depends on prevalence, so a group with fewer positives scores lower
without being served better: read differences between groups next to their prevalences and calibration slopes.
Rebalanced rows change it.

Citation: Brier 1950, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78.
"""

from __future__ import annotations

import numpy as np


def brier(labels: np.ndarray, scores: np.ndarray) -> float:
    """Compute the mean of `squared_errors`; NaN without rows. Arguments as there."""
    errors = squared_errors(labels, scores)
    return float(errors.mean()) if errors.size else float("nan")


def squared_errors(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Square what lies between probability and label, [n].

    Args:
        labels: 0 or 1, [n].
        scores: probabilities of class 1, [n].
    """
    difference: np.ndarray = np.asarray(scores, dtype=np.float64) - np.asarray(labels)
    return difference**2
