"""Demographic parity difference: how much more often one group is flagged than another.

Definition: the largest minus the smallest selection rate over groups, at a stated threshold.

Range: 0 to 1; undefined if a group has no rows, or with one group.

Direction: lower is more equal, which is not always better.

Traps: where the finding is truly more frequent in one group, parity is not the goal: read it beside the prevalences.
It never looks at the labels; flagging nobody gives 0. The largest difference of many groups is above 0 when all are
equal.

Citation: fairlearn's `demographic_parity_difference`; for two groups the absolute value of AIF360's statistical parity
difference.
"""

from __future__ import annotations

import numpy as np

from .metric import Gap, largest_range
from .rates import ratio, spread

METRIC = Gap("max - min over groups", ("selection_rate",), largest_range)


def demographic_parity_difference(predictions: np.ndarray, groups: np.ndarray, n_groups: int) -> float:
    """Compute the largest minus the smallest selection rate, P(prediction = 1 | group).

    Where the disease is truly more frequent in one group, parity is not the goal: read it beside the prevalences.

    Args:
        predictions: 0 or 1, [n].
        groups: codes below `n_groups`, [n].

    Returns:
        A value in [0, 1], lower is better; NaN if a group has no rows, or there is one group.

    Source: fairlearn; for two groups the absolute value of AIF360's statistical parity difference.
    """
    selected = np.bincount(groups[np.asarray(predictions) == 1], minlength=n_groups)
    return float(spread(ratio(selected, np.bincount(groups, minlength=n_groups))))
