"""Positive predictive value: how many of those flagged have the finding (precision).

Definition: true positives / predicted positives, in each group, at a stated threshold.

Range: 0 to 1; undefined for a group in which nobody is flagged.

Direction: higher is better.

Traps: it rises with the prevalence: groups with the same sensitivity and specificity but different prevalences have
different predictive values, and then equal predictive values need unequal error rates. Its denominator is the model's
own doing, so a group that is rarely flagged has a wide interval. Rebalanced test sets give another value.

Citation: Altman & Bland 1994, "Diagnostic tests 2: predictive values", BMJ 309:102; Chouldechova 2017, "Fair
prediction with disparate impact", eq. 2.6, for its tie to the error rates.
"""

from .metric import Rate

METRIC = Rate(("true_positives",), ("predicted_positives",), better="higher")
CONVENTIONS = {
    "f1": Rate(
        ("true_positives",),
        ("positives", "false_positives"),
        doubled=True,
        better="higher",
        text="""
F1: the harmonic mean of precision and recall.

Definition: 2 true positives / (positives + predicted positives), in each group, at a stated threshold.

Range: 0 to 1; undefined for a group without positives in which nobody is flagged. It rises with the Jaccard index J =
true positives / (positives + false positives), a share of rows, as 2 J / (1 + J), and so do the ends of its interval.

Direction: higher is better.

Traps: it rises with the prevalence, so groups differ without the model's doing. It ignores true negatives. A threshold
that maximises it on the rows it is reported on is optimistic, by 0.06 at 400 rows with 10 % positives.

Citation: van Rijsbergen 1979, "Information retrieval", chapter 7 (1 - E at alpha = 1/2); scikit-learn's `f1_score`.
""",
    ),
    "npv": Rate(
        ("true_negatives",),
        ("predicted_negatives",),
        better="higher",
        text="""
Negative predictive value: how many of those cleared are without the finding.

Definition: true negatives / predicted negatives, in each group, at a stated threshold.

Range: 0 to 1; undefined for a group in which everybody is flagged.

Direction: higher is better.

Traps: of a rare finding it is near 1 whatever the model does, 1 minus the prevalence for a model that clears
everybody: compare it with that. It falls with the prevalence, so groups differ without the model's doing.

Citation: Altman & Bland 1994, "Diagnostic tests 2: predictive values", BMJ 309:102.
""",
    ),
}
