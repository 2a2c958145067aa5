"""True positive rate: how many of those with the finding are found (sensitivity, recall).

Definition: true positives / positives, in each group, at a stated threshold.

Range: 0 to 1; undefined for a group without positives.

Direction: higher is better.

Traps: it says nothing without the false positive rate beside it, as predicting 1 for all gives 1. It is about class 1:
make sure that class 1 is the finding. At 0.5 on a rare finding it may be 0 in every group, which looks fair.

Citation: Altman & Bland 1994, "Diagnostic tests 1: sensitivity and specificity", BMJ 308:1552.
"""

from .metric import Rate

METRIC = Rate(("true_positives",), ("positives",), better="higher", needs=("positives",))
CONVENTIONS = {
    "fpr": Rate(
        ("false_positives",),
        ("negatives",),
        better="lower",
        needs=("negatives",),
        text="""
False positive rate: how many of those without the finding are flagged all the same (1 - specificity).

Definition: false positives / negatives, in each group, at a stated threshold.

Range: 0 to 1; undefined for a group without negatives.

Direction: lower is better.

Traps: 0 is reached by never predicting the finding; read it beside the true positive rate. A low rate over many
negatives is still many false alarms: read the positive predictive value too.

Citation: Altman & Bland 1994, "Diagnostic tests 1: sensitivity and specificity", BMJ 308:1552.
""",
    ),
    "tnr": Rate(
        ("true_negatives",),
        ("negatives",),
        better="higher",
        needs=("negatives",),
        text="""
True negative rate: how many of those without the finding are cleared (specificity).

Definition: true negatives / negatives, in each group, at a stated threshold; 1 - false positive rate.

Range: 0 to 1; undefined for a group without negatives.

Direction: higher is better.

Traps: 1 is reached by never predicting the finding; read it beside the true positive rate. Where negatives abound, a
difference of a hundredth may be more patients than all who have the finding.

Citation: Altman & Bland 1994, "Diagnostic tests 1: sensitivity and specificity", BMJ 308:1552.
""",
    ),
}
