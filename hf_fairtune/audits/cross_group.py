"""The audit across groups: are one group's negatives ranked above the others' positives?"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..intervals.clustered_delong import clustered_auc_interval
from ..intervals.delong import auc_interval
from ..intervals.estimate import NAN, Estimate
from ..metrics.rows import Rows
from ..metrics.xauc import crossing
from .evidence import Evidence
from .guards import ESTIMABLE, describe


@dataclass(frozen=True)
class CrossGroup:
    """One group against all others that take part.

    `bpsn` is the chance that a positive of the others scores above a negative of the group, `bnsp` the chance that a
    positive of the group scores above a negative of the others.
    """

    group: str
    bpsn: Estimate
    bnsp: Estimate


def audit_cross_group(evidence: Evidence) -> list[CrossGroup]:
    """Compare every included group with the other included ones.

    Intervals are those of an AUC (logit-DeLong; Obuchowski's with clusters, which may lie in several groups), withheld
    under ten independent positives or negatives.
    """
    rows = evidence.ordered
    taking_part = np.isin(rows.groups, evidence.included)
    found = []
    for code in evidence.included:
        inside = rows.groups == code
        sides = {"of the others": taking_part & ~inside, "of the group": inside}
        bpsn = _across(rows, sides, evidence.confidence)
        bnsp = _across(rows, dict(reversed(sides.items())), evidence.confidence)
        found.append(CrossGroup(rows.group_names[code], bpsn, bnsp))
    return found


def _across(rows: Rows, sides: dict[str, np.ndarray], confidence: float) -> Estimate:
    """Compare positives of the first side with negatives of the second."""
    kept = crossing(rows.labels, *sides.values())
    labels, scores = rows.labels[kept], rows.scores[kept]
    clusters = None if rows.clusters is None else rows.clusters[kept]
    unit = "" if clusters is None else "clusters with "
    kinds = [f"{unit}{kind} {side}" for kind, side in zip(("positives", "negatives"), sides, strict=True)]
    counts = dict(zip(kinds, (_units(labels == 1, clusters), _units(labels == 0, clusters)), strict=True))
    if clusters is None:
        found = auc_interval(labels, scores, confidence)
    else:
        found = clustered_auc_interval(labels, scores, clusters, confidence)
    if math.isnan(found.value):
        return replace(found, reason=describe(counts, 1))
    few = describe(counts, ESTIMABLE)
    return replace(found, low=NAN, high=NAN, reason=f"no interval: {few}") if few else found


def _units(inside: np.ndarray, clusters: np.ndarray | None) -> int:
    """Count independent rows: those inside, or their clusters."""
    return int(inside.sum() if clusters is None else (np.bincount(clusters[inside]) > 0).sum())
