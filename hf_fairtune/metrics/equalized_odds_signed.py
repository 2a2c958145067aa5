"""Equalized odds, the signed mean: AIF360's `average_odds_difference`.

Definition: (TPR difference + FPR difference) / 2 of a group minus the reference group, at a stated threshold; with
more than two groups of the group for which it is furthest from 0, sign kept.

Range: -1 to 1; undefined if a group lacks positives or negatives, or with one group.

Direction: 0 is best; above 0 the group is flagged more readily than the reference, below 0 less.

Traps: a lower TPR and a higher FPR, both bad for the group, cancel: 0 is no proof of equal odds. It measures how
readily a group is flagged, not how well it is served. The reference is the largest group that can be estimated; with
another reference it is another number.

Citation: AIF360's `average_odds_difference`, of two groups.
"""

from .metric import Gap, furthest_from

METRIC = Gap(
    "signed (TPR difference + FPR difference) / 2", ("tpr", "fpr"), furthest_from, averaged=True, better="nearer"
)
