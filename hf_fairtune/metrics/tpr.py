"""True positive rate: how many of those with the finding are found (sensitivity, recall).

Definition: true positives / positives, in each group, at a stated threshold.

Range: 0 to 1; undefined for a group without positives.

Direction: higher is better.

Traps: it says nothing without the false positive rate beside it, as predicting 1 for all gives 1. It is about class 1:
make sure that class 1 is the finding. At 0.5 on a rare finding it may be 0 in every group, which looks fair.

Citation: Altman & Bland 1994, "Diagnostic tests 1: sensitivity and specificity", BMJ 308:1552.
"""

from .metric import Rate

METRIC = Rate(lambda counts: counts.true_positives, lambda counts: counts.positives, "higher")
