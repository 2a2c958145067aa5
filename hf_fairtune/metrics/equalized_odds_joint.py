"""Equalized odds, the absolute signed mean: BMFT's, which also stands in for SWiFT's.

Definition: |TPR difference + FPR difference| / 2, the largest over all pairs of groups, at a stated threshold.

Range: 0 to 1; undefined if a group lacks positives or negatives, or with one group.

Direction: lower is better.

Traps: a lower TPR and a higher FPR, both bad for the group, cancel: it can be 0 where fairlearn's maximum is large.
Never put it beside other papers' equalized odds. BMFT defines it for two groups; for more the worst pair is taken
here.

Citation: Xue et al. 2024, "BMFT: achieving fairness via bias-based weight masking fine-tuning", its bias term of
equalized odds.
"""

from .metric import Gap, largest_range

METRIC = Gap("|signed TPR difference + signed FPR difference| / 2", ("tpr", "fpr"), largest_range, averaged=True)
