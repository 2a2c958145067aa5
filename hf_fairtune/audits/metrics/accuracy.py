"""Accuracy: how many are predicted right.

Definition: (true positives + true negatives) / rows, in each group, at a stated threshold.

Range: 0 to 1; undefined for a group without rows.

Direction: higher is better.

Traps: of a rare finding it is high without finding anybody, 1 minus the prevalence for a model that never predicts the
finding. Groups with other prevalences have other accuracies at the same sensitivity and specificity.

Citation: scikit-learn's `accuracy_score`.
"""

from .metric import Gap, Rate

METRIC = Rate(("true_positives", "true_negatives"), ("rows",), better="higher")
CONVENTIONS = {
    "balanced_accuracy": Rate(
        ("true_positives", "true_negatives"),
        ("positives", "negatives"),
        averaged=True,
        better="higher",
        text="""
Balanced accuracy: the mean of sensitivity and specificity.

Definition: (true positive rate + true negative rate) / 2, in each group, at a stated threshold. Its interval is made
of those of the two rates, which rest on different rows (MOVER); one of all rows right or wrong would be of another
number.

Range: 0 to 1, 0.5 for decisions that do not look at the patient; undefined for a group without positives or without
negatives.

Direction: higher is better.

Traps: it does not depend on the prevalence, but weighs a missed finding like a false alarm only where both classes are
equally frequent. A group that is missed more often and alarmed less often may have the same value: read both rates.
With few positives its interval is wide however many negatives there are.

Citation: Brodersen et al. 2010, "The balanced accuracy and its posterior distribution", ICPR; scikit-learn's
`balanced_accuracy_score`; Zou & Donner 2008, "Construction of confidence limits about effect measures", Statistics in
Medicine 27, for the interval.
""",
    ),
    "balanced_accuracy_difference": Gap(
        "max - min of (TPR + TNR) / 2 over groups",
        ("tpr", "tnr"),
        averaged=True,
        better="lower",
        text="""
Balanced accuracy difference: how much better the best served group is classified than the worst served one.

Definition: the largest minus the smallest balanced accuracy over groups, at a stated threshold.

Range: 0 to 1; undefined if a group lacks positives or negatives, or with one group.

Direction: lower is better.

Traps: it is blind to groups of which one is missed and the other alarmed more often, which can be at 0 together: read
the equalized odds difference beside it. It is above 0 when all groups are equal, the more so the more groups and the
fewer positives. Flagging everybody, or nobody, gives 0.

Citation: fairlearn's `MetricFrame(metrics=balanced_accuracy_score).difference()`.
""",
    ),
}
