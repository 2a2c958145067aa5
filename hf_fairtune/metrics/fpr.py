"""False positive rate: how many of those without the finding are flagged all the same (1 - specificity).

Definition: false positives / negatives, in each group, at a stated threshold.

Range: 0 to 1; undefined for a group without negatives.

Direction: lower is better.

Traps: 0 is reached by never predicting the finding; read it beside the true positive rate. A low rate over many
negatives is still many false alarms: read the positive predictive value too.

Citation: Altman & Bland 1994, "Diagnostic tests 1: sensitivity and specificity", BMJ 308:1552.
"""

from .metric import Rate

METRIC = Rate(lambda counts: counts.false_positives, lambda counts: counts.negatives, "lower")
