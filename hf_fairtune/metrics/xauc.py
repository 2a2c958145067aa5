"""Cross-group AUC: xAUC, BPSN and BNSP.

Definition: xAUC(a, b) is the chance that a positive of group a scores above a negative of group b, ties counting half.
BPSN (background positive, subgroup negative) of a group is that chance for positives of all other groups against its
negatives; BNSP (background negative, subgroup positive) for its positives against negatives of all other groups.

Range: 0 to 1. 0.5: one kind of row is placed above the other no better than by chance.

Direction: Higher is better. A low BPSN means that this group's negatives are ranked too high (false alarms at a shared
threshold); a low BNSP that its positives are ranked too low (missed cases).

Traps: AUCs within groups hide it: each can be high while one group's negatives outrank another's positives, which is
what a shared threshold feels. Compare BPSN and BNSP of one group with its own AUC; a difference between groups in how
hard their cases are changes them too.

Citation: Kallus & Zhou 2019, "The fairness of risk scores beyond classification: bipartite ranking and the xAUC
metric", NeurIPS; Borkan et al. 2019, "Nuanced metrics for measuring unintended bias with real data for text
classification", WWW companion.
"""

from __future__ import annotations

import numpy as np


def xauc(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray, first: int, second: int) -> float:
    """Compare positives of group `first` with negatives of group `second`; NaN where there are none.

    Args:
        labels: 0 or 1, [n].
        scores: finite, [n].
        groups: codes, [n].
    """
    return placed_above(labels, scores, crossing(labels, groups == first, groups == second))


def bpsn(labels: np.ndarray, scores: np.ndarray, inside: np.ndarray) -> float:
    """Compare positives outside the subgroup with its negatives; `inside` is bool, [n]."""
    return placed_above(labels, scores, crossing(labels, ~inside, inside))


def bnsp(labels: np.ndarray, scores: np.ndarray, inside: np.ndarray) -> float:
    """Compare the subgroup's positives with negatives outside it; `inside` is bool, [n]."""
    return placed_above(labels, scores, crossing(labels, inside, ~inside))


def crossing(labels: np.ndarray, positives_of: np.ndarray, negatives_of: np.ndarray) -> np.ndarray:
    """Mark the positives of one set of rows and the negatives of another, bool [n] each and returned."""
    return np.where(np.asarray(labels) == 1, positives_of, negatives_of)


def placed_above(labels: np.ndarray, scores: np.ndarray, kept: np.ndarray) -> float:
    """Compute the chance, ties counting half, that a kept positive scores above a kept negative."""
    positive = np.asarray(labels) == 1
    high, low = scores[positive & kept], np.sort(scores[~positive & kept])
    if not high.size or not low.size:
        return float("nan")
    wins = np.searchsorted(low, high, "left").sum() + np.searchsorted(low, high, "right").sum()
    return float(wins / (2 * high.size * low.size))
