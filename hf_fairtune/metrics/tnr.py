"""True negative rate: how many of those without the finding are cleared (specificity).

Definition: true negatives / negatives, in each group, at a stated threshold; 1 - false positive rate.

Range: 0 to 1; undefined for a group without negatives.

Direction: higher is better.

Traps: 1 is reached by never predicting the finding; read it beside the true positive rate. Where negatives abound, a
difference of a hundredth may be more patients than all who have the finding.

Citation: Altman & Bland 1994, "Diagnostic tests 1: sensitivity and specificity", BMJ 308:1552.
"""

from .metric import Rate

METRIC = Rate(lambda counts: counts.true_negatives, lambda counts: counts.negatives, "higher")
