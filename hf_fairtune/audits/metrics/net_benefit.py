"""Net benefit: patients found, less false alarms at the exchange rate that the threshold states.

Definition: true positives / rows - false positives / rows * t / (1 - t), in each group, t being the cut, a
probability: who flags from 10 % on takes nine false alarms for one patient found. Its interval is made of those of the
two shares of rows, with their correlation (MOVER); clustered rows count as many as its design effect leaves.

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
from ..engine.proportions import CELLS, CLUSTERED_WILSON, WILSON, mover, wilson
from .metric import CutMetric

COUNTED = np.array([[CELLS.index("true_positives")], [CELLS.index("false_positives")]])


def net_benefit(cells: np.ndarray, clusters: np.ndarray | None, cut: float, confidence: float = 0.95) -> Estimate:
    """Compute the net benefit at a cut from 0 to below 1, see `CutMetric`; NaN bounds with a single cluster."""
    trials, method, weights = float(len(cells)), f"MOVER of {WILSON}", (1.0, -cut / (1 - cut))
    chosen = cells == COUNTED
    shares = chosen.mean(axis=1)
    if clusters is not None:
        from ..engine.clusters import effective_rows  # only where there are clusters

        # The design effect of the sum itself, as patients who are found and who are alarmed lie in the same clusters.
        trials, method = effective_rows(weights @ chosen, clusters, confidence), f"MOVER of {CLUSTERED_WILSON}"
    bounds = wilson(shares * trials, trials, confidence)
    bounds[0] = shares
    size = math.sqrt(float(np.prod(shares * (1 - shares))))
    value, low, high = mover(bounds.T.tolist(), weights, -float(np.prod(shares)) / size if size > 0 else 0.0)
    return Estimate(value, low, high, method)


def curve(tpr: np.ndarray, fpr: np.ndarray, prevalence: float, cuts: np.ndarray) -> np.ndarray:
    """Compute the net benefit at cuts below 1 from the rates at them, [n] each, and the group's prevalence."""
    found: np.ndarray = prevalence * tpr - (1 - prevalence) * fpr * cuts / (1 - cuts)
    return found


def flagging_all(prevalence: float, cut: float) -> float:
    """Compute the net benefit of flagging everybody."""
    return prevalence - (1 - prevalence) * cut / (1 - cut)


METRIC = CutMetric(net_benefit, flagging_all, better="higher", needs=("rows",), limits=(-math.inf, 1.0))
