"""Equal opportunity difference: how much more often the finding is found in one group than in another.

Definition: the largest minus the smallest true positive rate over groups, at a stated threshold.

Range: 0 to 1; undefined if a group lacks positives, or with one group.

Direction: lower is better.

Traps: it is about class 1: make sure that class 1 is the finding, else it protects the wrong people. It is above 0
when all groups are equal, the more so the fewer positives. Flagging everybody, or nobody, gives 0. AIF360's has a
sign. Which rate MEDFAIR's `EqOpp0` and `EqOpp1` are about their names do not tell: go by the definition.

Citation: Hardt, Price & Srebro 2016, "Equality of opportunity in supervised learning", definition 2.2; fairlearn's
`equal_opportunity_difference`.
"""

from .metric import Gap

METRIC = Gap("max - min over groups", ("tpr",), better="lower", needs=("positives",))
CONVENTIONS = {
    "predictive_equality_difference": Gap(
        "max - min over groups",
        ("fpr",),
        better="lower",
        needs=("negatives",),
        text="""
Predictive equality difference: how much more often one group gets a false alarm than another.

Definition: the largest minus the smallest false positive rate over groups, at a stated threshold.

Range: 0 to 1; undefined if a group lacks negatives, or with one group.

Direction: lower is better.

Traps: flagging nobody gives 0: read it beside the sensitivities. Despite its name it is about error rates, not about
predictive values. It is above 0 when all groups are equal.

Citation: Corbett-Davies et al. 2017, "Algorithmic decision making and the cost of fairness", section 2; fairlearn's
`false_positive_rate_difference`.
""",
    ),
}
