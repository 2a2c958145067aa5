"""Negative predictive value: how many of those cleared are without the finding.

Definition: true negatives / predicted negatives, in each group, at a stated threshold.

Range: 0 to 1; undefined for a group in which everybody is flagged.

Direction: higher is better.

Traps: of a rare finding it is near 1 whatever the model does, 1 minus the prevalence for a model that clears
everybody: compare it with that. It falls with the prevalence, so groups differ without the model's doing.

Citation: Altman & Bland 1994, "Diagnostic tests 2: predictive values", BMJ 309:102.
"""

from .metric import Rate

METRIC = Rate(
    lambda counts: counts.true_negatives, lambda counts: counts.true_negatives + counts.false_negatives, "higher"
)
