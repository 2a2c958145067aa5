"""Which methods no other beats in two numbers at once, and the area that they dominate."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ..document.benchmark_task import Front, MethodOnTask
from ..document.estimate import NAN

# The worst corner: AUCs of chance, and the gap between a perfect group and one at chance.
CHANCE, WIDEST = 0.5, 0.5


def front_of(methods: Sequence[MethodOnTask], against: Literal["min_group_auc", "auc_gap"]) -> Front:
    """Find the front of AUC and a second number, by means over trainings; methods that lack one take no part.

    A front is of means: a method may be on it, or off it, by chance.

    Source: Zitzler & Thiele 1999, "Multiobjective evolutionary algorithms", for the hypervolume.
    """
    gap = against == "auc_gap"
    origin = (CHANCE, WIDEST if gap else CHANCE)
    known = [one for one in methods if one.complete and one.auc.mean.defined and one.number(against).mean.defined]
    points = np.array([(one.auc.mean.value, one.number(against).mean.value) for one in known]).reshape(-1, 2)
    sign = np.array([1.0, -1.0 if gap else 1.0])
    on = undominated(points * sign)
    area = hypervolume(points * sign, np.array(origin) * sign) if known else NAN
    return Front(against, [one.method for one, kept in zip(known, on, strict=True) if kept], area, origin)


def undominated(points: np.ndarray) -> np.ndarray:
    """Tell of each point, [n, k], whether no other is at least as high in all numbers and higher in one, bool [n]."""
    as_high = np.all(points[None] >= points[:, None], axis=2)
    higher = np.any(points[None] > points[:, None], axis=2)
    return np.asarray(~np.any(as_high & higher, axis=1))


def hypervolume(points: np.ndarray, origin: np.ndarray) -> float:
    """Compute the area above and right of `origin`, [2], that lies below and left of some point, [n, 2]."""
    above = points[(points > origin).all(axis=1)]
    area, reached = 0.0, float(origin[1])
    for first, second in above[np.lexsort((-above[:, 1], -above[:, 0]))]:
        if second > reached:
            area += float((first - origin[0]) * (second - reached))
            reached = float(second)
    return area
