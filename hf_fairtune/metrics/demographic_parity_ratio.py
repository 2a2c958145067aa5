"""Demographic parity ratio: how often the least flagged group is flagged for every time the most flagged one is.

Definition: the smallest divided by the largest selection rate over groups, at a stated threshold.

Range: 0 to 1; undefined if a group has no rows, if nobody is flagged at all, or with one group.

Direction: higher is more equal, 1 where all groups are, which is not always better.

Traps: where the finding is truly more frequent in one group, parity is not the goal: read it beside the prevalences.
Of rates near 0 a ratio is large or small by chance. The "four-fifths rule" is one of employment law and says nothing
in diagnosis. AIF360's disparate impact divides by the privileged group's rate instead and may exceed 1.

Citation: fairlearn's `demographic_parity_ratio`.
"""

from .metric import Gap, lowest_share

METRIC = Gap("min / max of selection rates", ("selection_rate",), lowest_share, better="higher")
