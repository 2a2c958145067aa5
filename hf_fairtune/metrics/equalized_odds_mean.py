"""Equalized odds difference, the mean: fairlearn's `agg="mean"`, AIF360's `average_odds_error`.

Definition: (largest |TPR difference| + largest |FPR difference|) / 2 between two groups, at a stated threshold; the
two largest may be of different pairs of groups.

Range: 0 to 1; undefined if a group lacks positives or negatives, or with one group.

Direction: lower is better.

Traps: it is at most the maximum and may be half of it: a group whose finding is missed twice as often disappears
behind equal false positive rates. It is above 0 when all groups are equal. AIF360 defines it for two groups; for more
this is fairlearn's.

Citation: fairlearn's `equalized_odds_difference(agg="mean")`; AIF360's `average_odds_error`.
"""

from .metric import Gap, mean_range

METRIC = Gap("(TPR difference + FPR difference) / 2", ("tpr", "fpr"), mean_range)
