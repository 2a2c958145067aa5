"""Audit of a classifier's scores by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import FairTuneError
from ..intervals.bootstrap import bootstrap
from ..intervals.estimate import Estimate, plain
from ..metrics.rows import Rows, check_rows, excluded_codes
from ..metrics.thresholds import Decision, cut_of
from .calibration_audit import CalibrationAudit, audit_calibration
from .cross_group import CrossGroup, audit_cross_group
from .equity import audit_es_auc
from .evidence import Evidence
from .gap import AucGap, MinGroupAuc, lowest_and_gap
from .group_auc import AuditGroup, audit_groups, group_auc, overall_auc
from .operating_points import OperatingPoints, audit_operating_points
from .pairs import Pair, audit_pairs
from .table import audit_table
from .threshold_audit import ThresholdAudit, audit_threshold


@dataclass(frozen=True)
class AuditOptions:
    """How to audit.

    Args:
        thresholds: cuts to report rates at, fitted on another split, `fixed()`, or decisions made elsewhere.
        clusters: id of each row's cluster (the patient), [n]; None where rows are independent.
        exclude: names of groups to leave out of minimum, gap and differences; recorded.
        n_boot: bootstrap replicates; 0 for none, and then the intervals that need them are NaN.
        n_permutations: of the groups, for what chance alone makes of the gap; 0 for none.
        seed: of the bootstrap and the permutations, not negative.
        confidence: level of the intervals, between 0 and 1.
    """

    thresholds: Sequence[Decision] = ()
    clusters: Sequence[object] | np.ndarray | None = None
    exclude: Sequence[str] = ()
    n_boot: int = 2000
    n_permutations: int = 1000
    seed: int = 0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0 < self.confidence < 1:
            raise FairTuneError(f"`confidence` is {self.confidence}; pass a level between 0 and 1, such as 0.95.")
        for name in ("n_boot", "n_permutations", "seed"):
            if getattr(self, name) < 0:
                raise FairTuneError(f"`{name}` is {getattr(self, name)}; pass 0 or more.")


@dataclass(frozen=True)
class Audit:
    """A classifier's scores by group; the fields are those of `$defs/audit` in `record.schema.json`.

    `auc_gap` carries the gap that chance alone makes; `calibration` is None where scores are no probabilities.
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
    es_auc: Estimate
    cross_group: list[CrossGroup]
    operating_points: list[OperatingPoints]
    calibration: CalibrationAudit | None
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
        options: fields of `AuditOptions` by name: thresholds, clusters, exclude, n_boot, n_permutations, seed,
            confidence.

    Raises:
        FairTuneError: the rows do not fit together, or a threshold was fitted on these very rows.
    """
    chosen = AuditOptions(**options)
    return audit_evidence(
        evidence_of(check_rows(labels, scores, groups, group_names, chosen.clusters), chosen), chosen
    )


def evidence_of(rows: Rows, options: AuditOptions) -> Evidence:
    """Resample the rows once, for every number that takes its interval from there.

    Raises:
        FairTuneError: a threshold was fitted on these very rows, or a name in `exclude` is no group.
    """
    cuts = [cut_of(decision, rows) for decision in options.thresholds]
    left_out = excluded_codes(rows.group_names, options.exclude)
    included = tuple(g for g in range(len(rows.group_names)) if g not in left_out)
    replicates = bootstrap(rows, cuts, options.n_boot, options.seed) if options.n_boot else None
    return Evidence(rows, included, replicates, options.confidence)


def audit_evidence(evidence: Evidence, options: AuditOptions) -> Audit:
    """Put together every number of an audit."""
    rows, seed = evidence.rows, int(options.seed)
    aucs = [group_auc(evidence, code) for code in range(len(rows.group_names))]
    lowest, gap = lowest_and_gap(evidence, aucs, options.n_permutations, seed)
    positives = int(rows.labels.sum())
    return Audit(
        n=len(rows.labels),
        positives=positives,
        negatives=len(rows.labels) - positives,
        confidence=float(options.confidence),
        n_boot=int(options.n_boot),
        seed=seed,
        clusters=rows.n_clusters,
        excluded=[name for g, name in enumerate(rows.group_names) if g not in evidence.included],
        auc=overall_auc(evidence),
        min_group_auc=lowest,
        auc_gap=gap,
        groups=audit_groups(evidence, aucs),
        pairs=audit_pairs(evidence, aucs),
        es_auc=audit_es_auc(evidence),
        cross_group=audit_cross_group(evidence),
        operating_points=audit_operating_points(evidence, seed=seed),
        calibration=audit_calibration(evidence, seed),
        thresholds=[audit_threshold(evidence, cut, i) for i, cut in enumerate(options.thresholds)],
    )
