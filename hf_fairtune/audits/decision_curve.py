"""Decision curves: what flagging from each cut of probabilities on is worth to a group."""

import numpy as np

from ..document.curves import DecisionCurve
from ..document.estimate import NAN
from .engine.proportions import confusion
from .engine.resampled_rows import ResampledRows
from .metrics.metric import rates
from .metrics.net_benefit import net_benefit
from .thresholds import fixed

# Up to 0.5: who would take more false alarms than that stands for flags everybody.
CUTS: list[float] = [cut / 100 for cut in range(1, 51)]


def decision_curves(resampled: ResampledRows) -> list[DecisionCurve] | None:
    """Judge every group at each of `CUTS`; None where scores leave [0, 1] and so are no probabilities.

    The bounds of the net benefit hold at one cut each, and are withheld for fewer than 10 rows or clusters.

    Source: Vickers & Elkin 2006, "Decision curve analysis: a novel method for evaluating prediction models", Medical
    Decision Making 26.
    """
    rows = resampled.ordered
    if rows.scores.min() < 0 or rows.scores.max() > 1:
        return None
    size = len(rows.group_names)
    found, inside = np.full((4, len(CUTS), size), NAN), [rows.groups == code for code in range(size)]
    clusters = [None if rows.clusters is None else rows.clusters[own] for own in inside]
    for place, cut in enumerate(CUTS):
        predictions = fixed(cut).apply(rows)
        counts, cells = confusion(rows.labels, predictions, rows.groups, size), rows.labels * 2 + predictions
        for side, name in enumerate(("tpr", "fpr")):
            found[side, place] = rates()[name](counts)[:-1]
        for code in range(size):
            if not resampled.few(code, ("rows",)):
                own = net_benefit(cells[inside[code]], clusters[code], cut, resampled.confidence)
                found[2:, place, code] = own.low, own.high
    curves = []
    for code, name in enumerate(rows.group_names):
        known = min(resampled.counts[code, :2]) > 0
        curves.append(DecisionCurve(name, CUTS, *found[..., code].tolist()) if known else empty(name))
    return curves


def empty(group: str) -> DecisionCurve:
    """Return the curve of a group that has none."""
    return DecisionCurve(group, [], [], [], [], [])
