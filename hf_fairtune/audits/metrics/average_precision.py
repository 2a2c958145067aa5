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

import numpy as np

from ..engine.proportions import ratio
from .metric import ScoreMetric


def average_precision(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Compute the average precision, exact under ties, see `ScoreMetric`; NaN if a class has no weight.

    Each cut at a positive's score adds the weight of the positives there times its precision.
    """
    positives = np.flatnonzero(labels == 1)
    cuts, starts = np.unique(scores[positives], return_index=True)
    count = weights.sum(axis=-1, keepdims=True)
    # Of the positives at each cut, of those at or above it, and of all rows at or above it; in whole numbers.
    own = np.add.reduceat(weights[..., positives], starts, axis=-1)
    hits = own.sum(axis=-1, keepdims=True) - np.cumsum(own, axis=-1) + own
    flagged = count - (np.cumsum(weights, axis=-1) - weights)[..., np.searchsorted(scores, cuts)]
    precision = np.divide(hits, flagged, out=np.zeros(own.shape), where=flagged > 0)
    found = own.sum(axis=-1)
    return np.where(found < count[..., 0], ratio((precision * own).sum(axis=-1), found), np.nan)


METRIC = ScoreMetric(average_precision, better="higher")
