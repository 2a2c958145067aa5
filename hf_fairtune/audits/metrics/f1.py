"""F1: the harmonic mean of precision and recall.

Definition: 2 true positives / (positives + predicted positives), in each group, at a stated threshold.

Range: 0 to 1; undefined for a group without positives in which nobody is flagged. It is no share of rows, so its
interval is of the bootstrap, given the numbers of positives and negatives.

Direction: higher is better.

Traps: it rises with the prevalence, so groups differ without the model's doing. It ignores true negatives. A threshold
that maximises it on the rows it is reported on is optimistic, by 0.06 at 400 rows with 10 % positives.

Citation: van Rijsbergen 1979, "Information retrieval", chapter 7 (1 - E at alpha = 1/2); scikit-learn's `f1_score`.
"""

from .metric import Rate

METRIC = Rate(("true_positives",) * 2, ("positives", "predicted_positives"), binomial=False, better="higher")
