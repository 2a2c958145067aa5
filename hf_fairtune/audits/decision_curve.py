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
    parts = [rows.take(own) for own in inside]
    for place, cut in enumerate(CUTS):
        predictions = fixed(cut).apply(rows)
        counts = confusion(rows.labels, predictions, rows.groups, size, rows.weights)
        cells = rows.labels * 2 + predictions
        for side, name in enumerate(("tpr", "fpr")):
            found[side, place] = rates()[name](counts)[:-1]
        for code, part in enumerate(parts):
            if not resampled.few(code, ("rows",)):
                columns = cells[inside[code]], part.clusters, cut, resampled.confidence
                own = net_benefit(*columns, part.weights)
                found[2:, place, code] = own.low, own.high
    curves = []
    for code, name in enumerate(rows.group_names):
        known = min(resampled.counts[code, :2]) > 0
        curves.append(DecisionCurve(name, CUTS, *found[..., code].tolist()) if known else empty(name))
    return curves


def empty(group: str) -> DecisionCurve:
    """Return the curve of a group that has none."""
    return DecisionCurve(group, [], [], [], [], [])
