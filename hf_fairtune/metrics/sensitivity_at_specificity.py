"""Sensitivity at a wanted specificity: what a group could have, were the cut set for it alone.

Definition: among the cuts at observed scores, the lowest with at least the wanted specificity among the group's own
negatives; the share of the group's positives at or above it.

Range: 0 to 1; undefined for a group that lacks a class.

Direction: higher is better.

Traps: every group has its own cut, so equal values do not mean that one shared cut serves the groups equally. The cut
is read off the rows it is reported on, which is optimistic: never use it as a threshold. It is an achieved point, and
the specificity achieved, told beside it, may be above the one wanted; interpolated cuts belong to no row. At a wanted
specificity of 1 a single negative decides.

Citation: Pepe 2003, "The statistical evaluation of medical tests for classification and prediction", section 4.3.2.
"""

from __future__ import annotations

import numpy as np

from .rates import NOWHERE, OperatingPoint, achieved_points


def sensitivity_at_specificity(labels: np.ndarray, scores: np.ndarray, target: float) -> OperatingPoint:
    """Read off the sensitivity at a specificity of at least `target`, with the specificity achieved and the cut.

    Where the highest score is held by too many negatives, no row is above the cut: the sensitivity is 0.

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
    place = points.specific_place(target)
    if place is None:
        return OperatingPoint(0.0, 1.0, float(np.nextafter(points.cuts[0], np.inf)))
    value, missed = points.true_positives[place] / points.positives, points.false_positives[place]
    return OperatingPoint(
        float(value), float((points.negatives - missed) / points.negatives), float(points.cuts[place])
    )
