"""Area under the ROC curve: how often a patient with the finding is scored above one without.

Definition: P(positive above negative) + P(tie) / 2 over all pairs of a positive and a negative, of all rows or within
a group.

Range: 0 to 1, 0.5 for scores that tell nothing; undefined where a class is missing.

Direction: higher is better.

Traps: averaged over batches it is another number; all rows are ranked at once here. Equal AUCs within groups can hide
that one group's negatives outrank another's positives: read the cross-group AUCs too. It says nothing of calibration
or of any threshold.

Citation: Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve", eq. 1.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Compute the AUC as the Mann-Whitney statistic: P(positive above negative) + P(tie) / 2.

    Args:
        labels: 0 or 1, [n].
        scores: finite, [n].

    Returns:
        A value in [0, 1], exact under ties; NaN if a class is missing.

    Source: Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve", eq. 1.
    """
    positive = np.asarray(labels) == 1
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    rank_sum = rankdata(scores)[positive].sum()
    return float((rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def group_aucs(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Compute the AUC within each group, [n_groups]; NaN for a group that lacks a class.

    Args:
        groups: codes below `n_groups`, [n].
    """
    return np.array([auc(labels[groups == g], scores[groups == g]) for g in range(n_groups)])
