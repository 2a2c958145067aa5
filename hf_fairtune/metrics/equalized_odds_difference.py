"""Equalized odds difference, the maximum: fairlearn's default, `agg="worst_case"`.

Definition: max(largest TPR difference, largest FPR difference) between two groups, at a stated threshold.

Range: 0 to 1; undefined if a group lacks positives or negatives, or with one group.

Direction: lower is better.

Traps: five formulas share this name (maximum, mean, signed mean, absolute signed mean, 1 - mean): never put this value
beside a mean's. It is above 0 when all groups are equal, the more so the more groups and the fewer positives. Flagging
nobody gives 0, so look whether the threshold is marked degenerate.

Citation: Agarwal et al. 2018, "A reductions approach to fair classification", definition 2; fairlearn's
`equalized_odds_difference`.
"""

from __future__ import annotations

import numpy as np

from .metric import Gap, largest_range
from .rates import rate_counts, spread

CONVENTION = "max(TPR difference, FPR difference)"
METRIC = Gap(CONVENTION, ("tpr", "fpr"), largest_range)


def equalized_odds_difference(labels: np.ndarray, predictions: np.ndarray, groups: np.ndarray, n_groups: int) -> float:
    """Compute max(|TPR difference|, |FPR difference|) over all pairs of groups.

    Other sources give this name to other formulas (a mean, a signed mean, one minus a mean): never put this value
    beside theirs.

    Args:
        labels: 0 or 1, [n].
        predictions: 0 or 1, [n].
        groups: codes below `n_groups`, [n].

    Returns:
        A value in [0, 1], lower is better; NaN if a group lacks positives or negatives, or there is one group.

    Source: Agarwal et al. 2018, "A reductions approach to fair classification", definition 2; fairlearn.
    """
    counts = rate_counts(labels, predictions, groups, n_groups)
    return float(odds_spread(counts.tpr, counts.fpr))


def odds_spread(tpr: np.ndarray, fpr: np.ndarray) -> np.ndarray:
    """Take the larger of the two rates' spreads over groups: [..., n_groups] twice -> [...]; NaN propagates."""
    return np.maximum(spread(tpr), spread(fpr))
