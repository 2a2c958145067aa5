"""The audit across groups: are one group's negatives ranked above the others' positives?"""

from __future__ import annotations

import math
from dataclasses import dataclass

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
    rows = evidence.rows.ordered()
    taking_part = np.isin(rows.groups, evidence.included)
    found = []
    for code in evidence.included:
        inside = rows.groups == code
        others = taking_part & ~inside
        bpsn, bnsp = (crossing(rows.labels, *pair) for pair in ((others, inside), (inside, others)))
        name = rows.group_names[code]
        found.append(CrossGroup(name, _across(rows, bpsn, evidence), _across(rows, bnsp, evidence)))
    return found


def _across(rows: Rows, kept: np.ndarray, evidence: Evidence) -> Estimate:
    labels, scores = rows.labels[kept], rows.scores[kept]
    if rows.clusters is None:
        found = auc_interval(labels, scores, evidence.confidence)
    else:
        found = clustered_auc_interval(labels, scores, rows.clusters[kept], evidence.confidence)
    few = None if math.isnan(found.value) else _too_few(labels, None if rows.clusters is None else rows.clusters[kept])
    return Estimate(found.value, NAN, NAN, found.method, f"no interval: {few}") if few else found


def _too_few(labels: np.ndarray, clusters: np.ndarray | None) -> str | None:
    unit = "" if clusters is None else "clusters with "
    counts = {}
    for label, kind in ((1, "positives"), (0, "negatives")):
        inside = labels == label
        counts[unit + kind] = int(inside.sum() if clusters is None else (np.bincount(clusters[inside]) > 0).sum())
    return describe(counts, ESTIMABLE)
