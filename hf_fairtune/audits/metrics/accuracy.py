"""Accuracy: how many are predicted right.

Definition: (true positives + true negatives) / rows, in each group, at a stated threshold.

Range: 0 to 1; undefined for a group without rows.

Direction: higher is better.

Traps: of a rare finding it is high without finding anybody, 1 minus the prevalence for a model that never predicts the
finding. Groups with other prevalences have other accuracies at the same sensitivity and specificity.

Citation: scikit-learn's `accuracy_score`.
"""

from .metric import Rate

METRIC = Rate(("true_positives", "true_negatives"), ("rows",), better="higher")
