"""The audit's lowest group AUC and the gap between groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..intervals.estimate import NAN, Estimate
from ..intervals.gap_null import GapNull
from ..intervals.simultaneous import minimum_interval, range_interval
from ..metrics.extremes import Extremes, extremes
from .evidence import Evidence
from .gap_test import audit_gap_test
from .group_auc import auc_family

NEEDS = ("positives", "negatives")


@dataclass(frozen=True)
class MinGroupAuc(Estimate):
    """The lowest AUC of the groups, and whose it is."""

    group: str | None = None


@dataclass(frozen=True)
class AucGap(Estimate):
    """The highest minus the lowest AUC of the groups, and whose they are (None where all are equal).

    `null_mean` and `null_high` are mean and 95th percentile of the gap where groups do not matter, `excess` is the gap
    less that mean, and `p` belongs to the test that all groups are equal by so many `permutations`, see `gap_null`.
    """

    best: str | None = None
    worst: str | None = None
    null_mean: float = NAN
    null_high: float = NAN
    excess: float = NAN
    p: float = NAN
    permutations: int = 0


def lowest_and_gap(
    evidence: Evidence, aucs: Sequence[Estimate], permutations: int, seed: int
) -> tuple[MinGroupAuc, AucGap]:
    """Find the lowest AUC of the included groups and the gap, with simultaneous intervals and the gap's null.

    Args:
        aucs: of every group, in order.
        permutations: of the groups, for the null; 0 for none.
        seed: of the permutations.
    """
    values = np.array([item.value for item in aucs])
    found: Extremes = extremes(values, evidence.included)
    family, names = auc_family(evidence, values), evidence.rows.group_names
    low = evidence.across(found.minimum, family, minimum_interval, NEEDS, "min over groups")
    gap = evidence.across(found.gap, family, range_interval, NEEDS, "max - min over groups")
    worst = None if found.worst is None else names[found.worst]
    best = None if found.best is None else names[found.best]
    undefined = np.isnan(gap.value)
    null = GapNull(NAN, NAN) if undefined else audit_gap_test(evidence, permutations, seed)
    told = "; ".join(reason for reason in (gap.reason, null.reason) if reason) or None
    extent = AucGap(
        **vars(replace(gap, reason=told)),
        null_mean=null.mean,
        null_high=null.high,
        excess=gap.value - null.mean,
        p=null.p,
        permutations=null.permutations,
    )
    if found.gap > 0:
        extent = replace(extent, best=best, worst=worst)
    return MinGroupAuc(**vars(low), group=worst), extent
