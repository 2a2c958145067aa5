"""Net benefit: patients found, less false alarms at the exchange rate that the threshold states.

Definition: true positives / rows - false positives / rows * t / (1 - t), in each group, t being the cut, a
probability: who flags from 10 % on takes nine false alarms for one patient found. Its interval is made of those of the
two shares of rows, with their correlation (MOVER); clustered rows count as many as their variance is worth.

Range: at most the prevalence; below 0 where flagging nobody, which has 0, does less harm. Undefined for a group
without rows, where scores are no probabilities, and where no one cut below 1 decides.

Direction: higher is better; a model is of use at this cut only where it is above 0 and above flagging everybody, which
has prevalence - (1 - prevalence) * t / (1 - t) and stands beside it.

Traps: it is bounded by the prevalence, so groups differ without the model's doing: compare a group with flagging
everybody and nobody in that group, never groups by their difference. The cut must say how many false alarms one
patient found is worth; one that maximises something, such as Youden's, does not. Scores that are not calibrated are
cut elsewhere than they say. Rebalanced rows change it.

Citation: Vickers & Elkin 2006, "Decision curve analysis: a novel method for evaluating prediction models", Medical
Decision Making 26; Zou & Donner 2008, "Construction of confidence limits about effect measures", Statistics in
Medicine 27, for the interval.
"""

import math

import numpy as np

from ...document.estimate import Estimate
from ..engine.proportions import CELLS, WILSON, mover, wilson
from .metric import CutMetric

COUNTED = np.array([[CELLS.index("true_positives")], [CELLS.index("false_positives")]])


def net_benefit(
    cells: np.ndarray,
    clusters: np.ndarray | None,
    cut: float,
    confidence: float = 0.95,
    weights: np.ndarray | None = None,
) -> Estimate:
    """Compute the net benefit at a cut from 0 to below 1, see `CutMetric`.

    A share of rows p counts as many trials n / d as its variance tells, d being its design effect, at least 1: the
    variance by clusters, Liang & Zeger's, over that of independent rows.
    """
    n, chosen = len(cells), cells == COUNTED
    whole, counted = (float(n), chosen) if weights is None else (float(weights.sum()), chosen * weights)
    shares, trials, method = counted.sum(axis=1) / whole, np.full(2, float(n)), f"MOVER of {WILSON}"
    spread = shares * (1 - shares)
    covariance = -float(np.prod(shares))
    if clusters is not None:
        method = f"{method} by clusters"
        sizes = np.bincount(clusters, weights)
        sums = np.stack([np.bincount(clusters, own, len(sizes)) for own in counted]) - shares[:, None] * sizes
        occurring = int((sizes > 0).sum())
        by_clusters = (sums @ sums.T) * (occurring / max(occurring - 1, 1) * (n - 1) / whole / whole)
        covariance, binomial = float(by_clusters[0, 1]), spread
        spread = np.diag(by_clusters)
        # A share of 0 or 1 has no variance; there the effective number of clusters counts (Kish 1965, 8.2).
        effect = np.divide(
            spread, binomial, out=np.full(2, float(sizes @ sizes) / whole * (n / whole)), where=binomial > 0
        )
        trials = n / np.maximum(effect, 1)
    size = math.sqrt(float(np.prod(spread)))
    bounds = wilson(shares * trials, trials, confidence).T.tolist()
    value, low, high = mover(bounds, (1.0, -cut / (1 - cut)), covariance / size if size > 0 else 0.0)
    return Estimate(value, low, high, method)


def flagging_all(prevalence: float, cut: float) -> float:
    """Compute the net benefit of flagging everybody."""
    return prevalence - (1 - prevalence) * cut / (1 - cut)


METRIC = CutMetric(net_benefit, flagging_all, net_benefit, better="higher", needs=("rows",), limits=(-math.inf, 1.0))
