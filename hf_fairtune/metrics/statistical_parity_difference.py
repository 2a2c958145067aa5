"""Statistical parity difference: how much more often a group is flagged than the reference, with its sign.

Definition: selection rate of a group minus that of the reference group, at a stated threshold; with more than two
groups of the group for which it is furthest from 0, sign kept.

Range: -1 to 1; undefined if a group has no rows, or with one group.

Direction: 0 is most equal, which is not always best; below 0 the group is flagged less than the reference.

Traps: where the finding is truly more frequent in one group, parity is not the goal: read it beside the prevalences.
The reference here is the largest group that can be estimated, not a "privileged" group: in AIF360 that one is the
user's choice, and swapping the two turns the sign. Of two groups its absolute value is the demographic parity
difference; of more it may be smaller, as only pairs with the reference count.

Citation: AIF360's `statistical_parity_difference`, of two groups.
"""

from .metric import Gap, furthest_from

METRIC = Gap("signed difference of selection rates", ("selection_rate",), furthest_from, better="nearer")
