"""Specificity at a wanted sensitivity: what a group could have, were the cut set for it alone.

Definition: among the cuts at observed scores, the highest with at least the wanted sensitivity among the group's own
positives; the share of the group's negatives below it.

Range: 0 to 1; undefined for a group that lacks a class.

Direction: higher is better.

Traps: every group has its own cut, so equal values do not mean that one shared cut serves the groups equally. The cut
is read off the rows it is reported on, which is optimistic: never use it as a threshold. With few positives it hangs
on one of them, and the sensitivity achieved, told beside it, may be far above the one wanted.

Citation: Pepe 2003, "The statistical evaluation of medical tests for classification and prediction", section 4.3.2.
"""

from __future__ import annotations

import numpy as np

from .rates import NOWHERE, OperatingPoint, achieved_points


def specificity_at_sensitivity(labels: np.ndarray, scores: np.ndarray, target: float) -> OperatingPoint:
    """Read off the specificity at a sensitivity of at least `target`, with the sensitivity achieved and the cut.

    Args:
        labels: 0 or 1, [n].
        scores: finite, [n].
        target: above 0 and up to 1.

    Returns:
        NaN where a class is missing.

    Raises:
        FairTuneError: `target` is no such share.
    """
    if len(np.unique(labels)) < 2:
        return NOWHERE
    points = achieved_points(labels, scores)
    place = points.sensitive_place(target)
    value = (points.negatives - points.false_positives[place]) / points.negatives
    return OperatingPoint(
        float(value), float(points.true_positives[place] / points.positives), float(points.cuts[place])
    )
