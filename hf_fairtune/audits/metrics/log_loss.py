"""Log loss: the mean cross-entropy, which training minimises.

Definition: the mean over rows of -log(p) of a positive and -log(1 - p) of a negative, of all rows or within a group; p
is the predicted probability of class 1 in double precision, kept between 2.2e-16 and 1 less that, as in scikit-learn.

Range: 0 to 36; 0 is certain and right in every row. A model that says the prevalence q to everyone has the entropy of
q, 0.69 at 0.5 and 0.20 at 0.05. Undefined without rows.

Direction: lower is better.

Traps: it depends on prevalence, so a group with fewer positives has a lower one without being served better: compare
each group's with the entropy of its own prevalence. A single row that is certain and wrong may make up most of it. It
mixes calibration with ranking, and rebalanced rows change it.

Citation: Good 1952, "Rational decisions", Journal of the Royal Statistical Society B 14; scikit-learn's `log_loss`;
Dutt, Bohdal, Tsaftaris & Hospedales 2024, "FairTune: Optimizing parameter efficient fine tuning for fairness in
medical image analysis", ICLR, whose code searches by the highest of the groups' (`max_loss`).
"""

import math

import numpy as np

from ...document.estimate import NAN
from .metric import Metric

EDGE = float(np.finfo(np.float64).eps)
METRIC = Metric(better="lower", needs=("rows",), limits=(0.0, -math.log(EDGE)))


def log_loss(labels: np.ndarray, scores: np.ndarray) -> float:
    """Compute the log loss of probabilities of class 1, [n]; NaN without rows."""
    if not len(labels):
        return NAN
    inside = np.clip(scores, EDGE, 1 - EDGE)
    return float(-np.log(np.where(labels == 1, inside, 1 - inside)).mean())
