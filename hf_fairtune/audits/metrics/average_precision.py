"""Average precision: the area under the precision-recall curve (AUPRC).

Definition: sum over the cuts at observed scores, highest first, of (recall - recall of the cut before) * precision; of
all rows or within a group.

Range: 0 to 1, the prevalence for scores that rank at random; undefined where a class is missing.

Direction: higher is better.

Traps: it rises with the prevalence, so groups differ without the model's doing, and so do rebalanced test sets:
compare it with the prevalence, and groups by their AUCs too. With few positives it hangs on the ranks of a handful of
rows. Its gap between groups of unlike prevalence is no difference in service: see `average_precision_by_chance`. It is
no trapezoid under the curve, which interpolates points that no cut achieves and is too high. Its interval counts the
prevalence as known from these rows only: a bootstrap that keeps the numbers of positives and negatives is too sure.

Citation: Boyd, Eng & Page 2013, "Area under the precision-recall curve: point estimates and confidence intervals",
ECML PKDD, for the logit scale; Davis & Goadrich 2006, "The relationship between precision-recall and ROC curves",
ICML; scikit-learn's `average_precision_score`.
"""

from collections.abc import Callable

import numpy as np

from ..engine.proportions import ratio
from .metric import Metric, ScoreMetric


def average_precision(labels: np.ndarray, scores: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Prepare the average precision, exact under ties, see `ScoreMetric`; NaN if a class has no weight.

    Each cut at a positive's score adds the weight of the positives there times its precision.
    """
    positives = np.flatnonzero(labels == 1)
    cuts, starts = np.unique(scores[positives], return_index=True)
    places = np.searchsorted(scores, cuts)

    def value(weights: np.ndarray) -> np.ndarray:
        count = weights.sum(axis=-1, keepdims=True)
        # Of the positives at each cut, of those at or above it, and of all rows at or above it.
        own = np.add.reduceat(weights[..., positives], starts, axis=-1)
        hits = np.cumsum(own[..., ::-1], axis=-1)[..., ::-1]
        flagged = np.cumsum(weights[..., ::-1], axis=-1)[..., ::-1][..., places]
        precision = np.divide(hits, flagged, out=np.zeros(own.shape), where=flagged > 0)
        found = own.sum(axis=-1)
        return np.where(found < count[..., 0], ratio((precision * own).sum(axis=-1), found), np.nan)

    return value


def influences(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Compute how far each row moves the average precision, see `ScoreMetric`; its own precision, and those below it.

    With A and B positives and rows at or above a score, the average precision is the mean of A / B over the positives.
    One more row at a score adds to A and B of all positives at or below it: 1 / B of each if it is a positive, and
    -A / B^2; a positive adds its own A / B, and counts among the positives. Rows count as their weights say.
    """
    kept, positive = labels == 1, (labels == 1) * weights
    first, last = np.searchsorted(scores, scores, "left"), np.searchsorted(scores, scores, "right")
    flagged, hits = (np.cumsum(own[::-1])[::-1][first] for own in (weights, positive))
    precision = hits / flagged
    gained = np.append(0, np.cumsum(positive / flagged))[last]
    lost = np.append(0, np.cumsum(positive * precision / flagged))[last]
    value = float(np.average(precision[kept], weights=weights[kept]))
    return np.asarray((positive * (precision - value + gained) - lost * weights) / positive.sum())


METRIC = ScoreMetric(average_precision, influences, chance="prevalence", better="higher")
CONVENTIONS = {
    "average_precision_by_chance": Metric(
        better="neither",
        text="""
Average precision by chance: what scores that rank at random have (expected AUPRC).

Definition: the prevalence: positives / rows, of all rows or within a group. It stands beside every average precision.

Range: 0 to 1; undefined for a group without rows. It is no estimate of the model and has no interval.

Direction: neither higher nor lower is better; it is what an average precision starts from.

Traps: a gap between raw average precisions misleads where prevalences differ: 0.30 at a prevalence of 0.03 is ten
times chance, 0.40 at one of 0.30 hardly more than it, and rankings of one and the same AUC have the higher average
precision where the finding is more frequent. The average of many random orders of few rows lies a little above the
prevalence, 0.12 for 20 positives among 200 rows, and tends to it as rows grow. Rebalanced rows change both.

Citation: Saito & Rehmsmeier 2015, "The precision-recall plot is more informative than the ROC plot when evaluating
binary classifiers on imbalanced datasets", PLoS ONE 10; Bestgen 2015, "Exact expected average precision of the random
baseline for system evaluation", Prague Bulletin of Mathematical Linguistics 103, for few rows.
""",
    )
}
