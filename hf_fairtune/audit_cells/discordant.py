"""What an AUC says of the untold side of a cut: the area above a ROC curve lies between two staircases."""

from __future__ import annotations

from collections.abc import Iterable, Set

import numpy as np

ROUNDED = 6e-7  # an AUC is told to six digits
Points = Set[tuple[int, int]]


def fitting(points: Points, auc: float, side: int, told: int) -> np.ndarray:
    """Find what the untold count above a cut can be, by the AUC and by the points that are told, [n_found].

    Let a curve go through given points of hits and alarms. Between two of them it rises at once or at last, so that
    the pairs in the wrong order, (1 - AUC) * positives * negatives, number at least sum((P - t2) * (b2 - b1)) and at
    most sum((P - t1) * (b2 - b1)). With one cut alone: missed positives times flagged negatives are in the wrong
    order, found positives times unflagged negatives are not.

    Args:
        points: hits (true positives) and alarms (false positives) told together, the ends of the curve with them.
        side: which count is told: 0 the hits, 1 the alarms.
        told: that count.
    """
    ordered = np.array(sorted(points, key=sum))
    hits, alarms = ordered[:, 0], ordered[:, 1]
    untold = np.arange(ordered[-1, 1 - side] + 1)
    t, b = (untold, np.full_like(untold, told)) if side else (np.full_like(untold, told), untold)
    inside = ((hits - t[:, None]) * (alarms - b[:, None]) >= 0).all(axis=1)
    after = ((hits <= t[:, None]) & (alarms <= b[:, None])).sum(axis=1).clip(1, len(ordered) - 1)
    before, total = after - 1, int(hits[-1])
    at_least, at_most = (total - hits[1:]) * np.diff(alarms), (total - hits[:-1]) * np.diff(alarms)
    left, right = b - alarms[before], alarms[after] - b
    low = at_least.sum() - at_least[before] + (total - t) * left + (total - hits[after]) * right
    high = at_most.sum() - at_most[before] + (total - hits[before]) * left + (total - t) * right
    pairs = total * int(alarms[-1])
    wrong, slack = (1 - auc) * pairs, ROUNDED * pairs
    found: np.ndarray = untold[inside & (low <= wrong + slack) & (high >= wrong - slack)]
    return found


def is_narrow(found: np.ndarray, truth: int, known: Iterable[int], width: int) -> bool:
    """Tell whether what can be leaves an untold count of 1 to 10, as it is or next to a known one, too few values.

    Args:
        found: what the count can be.
        truth: what it is.
        known: counts of the same side that are told, none and all among them.
    """
    small = any(1 <= abs(truth - count) <= width - 1 for count in known)
    return small and len(found) > 0 and int(found[-1] - found[0]) < width
