"""Selection rate: how many are flagged.

Definition: predicted positives / rows, in each group, at a stated threshold.

Range: 0 to 1; undefined for a group without rows.

Direction: neither higher nor lower is better; compare it with the prevalence in the same group.

Traps: where the finding is truly more frequent in one group, a fair model flags more there. Below 1 % or above 99 %
the threshold hardly decides and every difference between groups vanishes: such a threshold is marked degenerate.

Citation: fairlearn's `selection_rate`.
"""

from .metric import Rate

METRIC = Rate(("predicted_positives",), ("rows",), better="neither", needs=("rows",))
