"""Average precision: the area under the precision-recall curve (AUPRC).

Definition: sum over the cuts at observed scores, highest first, of (recall - recall of the cut before) * precision; of
all rows or within a group.

Range: 0 to 1, the prevalence for scores that rank at random; undefined where a class is missing.

Direction: higher is better.

Traps: it rises with the prevalence, so groups differ without the model's doing, and so do rebalanced test sets:
compare it with the prevalence, and groups by their AUCs too. With few positives it hangs on the ranks of a handful of
rows. It is no trapezoid under the curve, which interpolates points that no cut achieves and is too high.

Citation: Davis & Goadrich 2006, "The relationship between precision-recall and ROC curves", ICML; scikit-learn's
`average_precision_score`.
"""

from __future__ import annotations

import numpy as np

from ..engine.proportions import ratio
from .metric import ScoreMetric


def average_precision(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Compute the average precision, exact under ties, see `ScoreMetric`; NaN if a class has no weight.

    Each positive adds its weight times the precision at its score as a cut.
    """
    positives = np.flatnonzero(labels == 1)
    own, high = weights[..., positives], scores[positives]
    found, count = own.sum(axis=-1, keepdims=True), weights.sum(axis=-1, keepdims=True)
    # Weight of all rows, and of positives, with at least the score of each positive; ties count from their first row.
    flagged = count - (np.cumsum(weights, axis=-1) - weights)[..., np.searchsorted(scores, high, "left")]
    hits = found - (np.cumsum(own, axis=-1) - own)[..., np.searchsorted(high, high, "left")]
    precision = np.divide(hits, flagged, out=np.zeros(own.shape), where=flagged > 0)
    value = ratio((precision * own).sum(axis=-1), found[..., 0])
    return np.where(found < count, value[..., None], np.nan)[..., 0]


METRIC = ScoreMetric(average_precision, better="higher")
