"""Predictive equality difference: how much more often one group gets a false alarm than another.

Definition: the largest minus the smallest false positive rate over groups, at a stated threshold.

Range: 0 to 1; undefined if a group lacks negatives, or with one group.

Direction: lower is better.

Traps: flagging nobody gives 0: read it beside the sensitivities. Despite its name it is about error rates, not about
predictive values. It is above 0 when all groups are equal.

Citation: Corbett-Davies et al. 2017, "Algorithmic decision making and the cost of fairness", section 2; fairlearn's
`false_positive_rate_difference`.
"""

from .metric import Gap, largest_range

METRIC = Gap("max - min over groups", ("fpr",), largest_range)
