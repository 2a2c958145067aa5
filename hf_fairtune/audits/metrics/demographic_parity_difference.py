"""Demographic parity difference: how much more often one group is flagged than another.

Definition: the largest minus the smallest selection rate over groups, at a stated threshold.

Range: 0 to 1; undefined if a group has no rows, or with one group.

Direction: lower is more equal, which is not always better.

Traps: where the finding is truly more frequent in one group, parity is not the goal: read it beside the prevalences.
It never looks at the labels; flagging nobody gives 0. The largest difference of many groups is above 0 when all are
equal.

Citation: fairlearn's `demographic_parity_difference`; for two groups the absolute value of AIF360's statistical parity
difference.
"""

from ..engine.bands import Over
from .metric import Gap

METRIC = Gap("max - min over groups", ("selection_rate",), better="lower", needs=("rows",))
CONVENTIONS = {
    "demographic_parity_ratio": Gap(
        "min / max of selection rates",
        ("selection_rate",),
        Over.LOWEST_SHARE,
        better="higher",
        needs=("rows",),
        text="""
Demographic parity ratio: how often the least flagged group is flagged for every time the most flagged one is.

Definition: the smallest divided by the largest selection rate over groups, at a stated threshold.

Range: 0 to 1; undefined if a group has no rows, if nobody is flagged at all, or with one group.

Direction: higher is more equal, 1 where all groups are, which is not always better.

Traps: where the finding is truly more frequent in one group, parity is not the goal: read it beside the prevalences.
Of rates near 0 a ratio is large or small by chance. The "four-fifths rule" is one of employment law and says nothing
in diagnosis. AIF360's disparate impact divides by the privileged group's rate instead and may exceed 1.

Citation: fairlearn's `demographic_parity_ratio`.
""",
    ),
    "statistical_parity_difference": Gap(
        "signed difference of selection rates",
        ("selection_rate",),
        Over.FURTHEST,
        better="nearer",
        needs=("rows",),
        limits=(-1.0, 1.0),
        text="""
Statistical parity difference: how much more often a group is flagged than the reference, with its sign.

Definition: selection rate of a group minus that of the reference group, at a stated threshold; with more than two
groups of the group for which it is furthest from 0, sign kept.

Range: -1 to 1; undefined if a group has no rows, or with one group.

Direction: 0 is most equal, which is not always best; below 0 the group is flagged less than the reference.

Traps: where the finding is truly more frequent in one group, parity is not the goal: read it beside the prevalences.
The reference is the group that `--reference_group` names, else the largest that can be estimated; AIF360 calls it the
"privileged" group and has it named always. Swapping the two turns the sign. Of two groups its absolute value is the
demographic parity difference; of more it may be smaller, as only pairs with the reference count.

Citation: AIF360's `statistical_parity_difference`, of two groups.
""",
    ),
}
