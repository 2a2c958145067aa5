"""Audit of a classifier's scores by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import FairTuneError
from ..intervals.bootstrap import bootstrap
from ..intervals.estimate import NAN, Estimate, plain
from ..intervals.gap_null import GapNull, gap_null
from ..intervals.simultaneous import minimum_interval, range_interval
from ..metrics.extremes import Extremes, extremes
from ..metrics.rows import Rows, check_rows, excluded_codes
from ..metrics.thresholds import Threshold
from .evidence import Evidence
from .group_auc import AuditGroup, Pair, auc_family, audit_groups, audit_pairs, group_auc, overall_auc
from .table import audit_table
from .threshold_audit import ThresholdAudit, audit_threshold


@dataclass(frozen=True)
class AuditOptions:
    """How to audit.

    Args:
        thresholds: cuts to report rates at, fitted on another split or `fixed()`.
        clusters: id of each row's cluster (the patient), [n]; None where rows are independent.
        exclude: names of groups to leave out of minimum, gap and differences; recorded.
        n_boot: bootstrap replicates; 0 for none, and then the intervals that need them are NaN.
        seed: of the bootstrap, not negative.
        confidence: level of the intervals, between 0 and 1.
    """

    thresholds: Sequence[Threshold] = ()
    clusters: Sequence[object] | np.ndarray | None = None
    exclude: Sequence[str] = ()
    n_boot: int = 2000
    seed: int = 0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0 < self.confidence < 1:
            raise FairTuneError(f"`confidence` is {self.confidence}; pass a level between 0 and 1, such as 0.95.")
        for name in ("n_boot", "seed"):
            if getattr(self, name) < 0:
                raise FairTuneError(f"`{name}` is {getattr(self, name)}; pass 0 or more.")


@dataclass(frozen=True)
class MinGroupAuc(Estimate):
    """The lowest AUC of the groups, and whose it is."""

    group: str | None = None


@dataclass(frozen=True)
class AucGap(Estimate):
    """The highest minus the lowest AUC of the groups, and whose they are (None where all are equal).

    `null_mean` and `null_high` are mean and 95th percentile of the gap where groups do not matter, see `gap_null`.
    """

    best: str | None = None
    worst: str | None = None
    null_mean: float = NAN
    null_high: float = NAN


@dataclass(frozen=True)
class Audit:
    """A classifier's scores by group; the fields are those of `$defs/audit` in `record.schema.json`.

    `auc_gap` carries the gap that chance alone makes; NaN where clusters of several rows forbid to permute them.
    """

    n: int
    positives: int
    negatives: int
    confidence: float
    n_boot: int
    seed: int
    clusters: int | None
    excluded: list[str]
    auc: Estimate
    min_group_auc: MinGroupAuc
    auc_gap: AucGap
    groups: list[AuditGroup]
    pairs: list[Pair]
    thresholds: list[ThresholdAudit]

    def to_dict(self) -> dict[str, Any]:
        """Return the audit as the record holds it, None for every undefined number."""
        content: dict[str, Any] = plain(self)
        return content

    def table(self) -> str:
        """Lay the audit out as plain text for a terminal, a row a group."""
        return audit_table(self)


def audit(
    labels: ArrayLike, scores: ArrayLike, groups: ArrayLike, group_names: Sequence[str], **options: Any
) -> Audit:
    """Audit the scores of one whole split by group, never averaged over batches.

    Args:
        labels: 0 or 1, [n]; 1 is the finding to detect.
        scores: finite, [n]; higher means more likely 1.
        groups: codes of `group_names`, [n].
        group_names: name of each code, [n_groups].
        options: fields of `AuditOptions` by name: thresholds, clusters, exclude, n_boot, seed, confidence.

    Raises:
        FairTuneError: the rows do not fit together, or a threshold was fitted on these very rows.
    """
    chosen = AuditOptions(**options)
    rows = check_rows(labels, scores, groups, group_names, chosen.clusters)
    evidence = _evidence(rows, chosen)
    aucs = [group_auc(evidence, code) for code in range(len(rows.group_names))]
    lowest, gap = _across_groups(evidence, aucs, chosen.seed)
    positives = int(rows.labels.sum())
    return Audit(
        n=len(rows.labels),
        positives=positives,
        negatives=len(rows.labels) - positives,
        confidence=float(chosen.confidence),
        n_boot=int(chosen.n_boot),
        seed=int(chosen.seed),
        clusters=rows.n_clusters,
        excluded=[name for g, name in enumerate(rows.group_names) if g not in evidence.included],
        auc=overall_auc(evidence),
        min_group_auc=lowest,
        auc_gap=gap,
        groups=audit_groups(evidence, aucs),
        pairs=audit_pairs(evidence, aucs),
        thresholds=[audit_threshold(evidence, cut, i) for i, cut in enumerate(chosen.thresholds)],
    )


def _evidence(rows: Rows, options: AuditOptions) -> Evidence:
    for threshold in options.thresholds:
        threshold.apply(rows.labels, rows.scores)
    left_out = excluded_codes(rows.group_names, options.exclude)
    included = tuple(g for g in range(len(rows.group_names)) if g not in left_out)
    cuts = [threshold.value for threshold in options.thresholds]
    replicates = bootstrap(rows, cuts, options.n_boot, options.seed) if options.n_boot else None
    return Evidence(rows, included, replicates, options.confidence)


def _across_groups(evidence: Evidence, aucs: list[Estimate], seed: int) -> tuple[MinGroupAuc, AucGap]:
    values, needs = np.array([item.value for item in aucs]), ("positives", "negatives")
    found: Extremes = extremes(values, evidence.included)
    family = auc_family(evidence, values)
    low = evidence.across(found.minimum, family, minimum_interval, needs, "min over groups")
    gap = evidence.across(found.gap, family, range_interval, needs, "max - min over groups")
    names = evidence.rows.group_names
    worst = None if found.worst is None else names[found.worst]
    best = None if found.best is None else names[found.best]
    null = GapNull(NAN, NAN) if np.isnan(gap.value) else _null(evidence, seed)
    extent = AucGap(**vars(gap), null_mean=null.mean, null_high=null.high)
    if found.gap > 0:
        extent = replace(extent, best=best, worst=worst)
    return MinGroupAuc(**vars(low), group=worst), extent


def _null(evidence: Evidence, seed: int) -> GapNull:
    """Return the gap that chance makes, where there is a bootstrap and every row is its own cluster."""
    rows = evidence.rows
    if evidence.replicates is None or (rows.n_clusters is not None and rows.n_clusters < len(rows.labels)):
        return GapNull(NAN, NAN)
    kept = np.isin(rows.groups, evidence.included)
    return gap_null(rows.labels[kept], rows.scores[kept], rows.groups[kept], seed=seed)
