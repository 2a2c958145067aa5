"""Brier score.

Definition: The mean over rows of (p - y)^2, p being the predicted probability of class 1 and y the label, 0 or 1.

Range: 0 to 1. 0 is certain and right in every row; a model that says the prevalence q to everyone scores q (1 - q).

Direction: Lower is better.

Traps: It mixes calibration with ranking and depends on prevalence, so a group with fewer positives scores lower
without being served better: read differences between groups next to their prevalences and calibration slopes.
Rebalanced rows change it.

Citation: Brier 1950, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78.
"""

import numpy as np

from ...document.estimate import Estimate, Reason, undefined
from ..engine.influence import LOGIT_SANDWICH, influence_interval
from .metric import Metric

METRIC = Metric(better="lower")


def brier(
    labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray | None = None, confidence: float = 0.95
) -> Estimate:
    """Compute the mean squared difference of probabilities of class 1 and labels, [n] each; NaN without rows.

    For the interval, which lies within 0 and 1, see `influence_interval`.
    """
    if not len(labels):
        return undefined(LOGIT_SANDWICH, Reason("too_few", unit="rows", count=0, needed=1))
    squares = (scores - labels) ** 2
    value = float(squares.mean())
    return influence_interval(value, (squares - value) / len(squares), clusters, confidence, share=True)
