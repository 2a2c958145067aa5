"""The audit's AUC rows, one a group."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ..intervals.clustered_delong import clustered_auc_interval
from ..intervals.delong import auc_interval, newcombe_interval
from ..intervals.estimate import NAN, Estimate
from ..intervals.simultaneous import Family
from .evidence import Evidence
from .guards import Guard


@dataclass(frozen=True)
class AuditGroup:
    """One group: counts, status and AUC with its interval.

    `worst_share` is the share of resamples in which its AUC is the lowest of the included groups (see
    `Replicates.worst_shares`); NaN for a group that takes no part, and without a bootstrap.
    """

    group: str
    n: int
    positives: int
    negatives: int
    prevalence: float
    status: str
    reason: str | None
    auc: float
    auc_low: float
    auc_high: float
    auc_method: str
    worst_share: float


def overall_auc(evidence: Evidence) -> Estimate:
    """Compute the AUC of the whole split with its interval (logit-DeLong, by clusters where there are any).

    The interval is withheld where all rows together are not estimable (see `guard`).
    """
    return _guarded(_with_interval(evidence, np.full(len(evidence.rows.labels), True)), evidence.overall_guard)


def group_auc(evidence: Evidence, code: int) -> Estimate:
    """Compute a group's AUC with its interval; withheld where the group is not estimable (see `guard`)."""
    return _guarded(_with_interval(evidence, evidence.ordered.groups == code), evidence.guards[code])


def _guarded(found: Estimate, state: Guard) -> Estimate:
    if state.status != "not estimable" or math.isnan(found.value):
        return found
    return Estimate(found.value, NAN, NAN, found.method, state.reason)


def _with_interval(evidence: Evidence, inside: np.ndarray) -> Estimate:
    rows = evidence.ordered
    labels, scores = rows.labels[inside], rows.scores[inside]
    if rows.clusters is None:
        return auc_interval(labels, scores, evidence.confidence)
    return clustered_auc_interval(labels, scores, rows.clusters[inside], evidence.confidence)


def auc_family(evidence: Evidence, values: np.ndarray) -> Family:
    """Gather the included groups' AUCs, `values` being all groups', [n_groups]."""
    kept = list(evidence.included)
    counts = evidence.rows.units().tolist()
    errors = [score_error(values[g], counts[g][1], counts[g][0], evidence.confidence) for g in kept]
    return Family(values[None, kept], lambda draws: draws.auc[:, None, kept], np.array([errors]))


def score_error(value: float, positives: int, negatives: int, confidence: float) -> float:
    """Read a standard error off Newcombe's interval, which keeps a width at an AUC of 1."""
    if math.isnan(value):
        return NAN
    low, high = newcombe_interval(value, positives, negatives, confidence)
    return (high - low) / 2 / float(norm.ppf((1 + confidence) / 2))


def audit_groups(evidence: Evidence, aucs: list[Estimate]) -> list[AuditGroup]:
    """Build every group's row, excluded ones too."""
    counts, draws = evidence.rows.counts().tolist(), evidence.replicates
    shares = draws.worst_shares(evidence.included).tolist() if draws else [NAN] * len(counts)
    return [
        _audit_group(evidence, code, found, cells, share)
        for code, (found, cells, share) in enumerate(zip(aucs, counts, shares, strict=True))
    ]


def _audit_group(
    evidence: Evidence, code: int, found: Estimate, cells: tuple[int, int], worst_share: float
) -> AuditGroup:
    negatives, positives = cells
    n = negatives + positives
    state = evidence.guards[code]
    reasons = dict.fromkeys([found.reason if math.isnan(found.value) else state.reason])
    reasons |= dict.fromkeys([found.reason, None if code in evidence.included else "excluded by name"])
    return AuditGroup(
        group=evidence.rows.group_names[code],
        n=n,
        positives=positives,
        negatives=negatives,
        prevalence=positives / n if n else NAN,
        status=state.status,
        reason="; ".join(reason for reason in reasons if reason) or None,
        auc=found.value,
        auc_low=found.low,
        auc_high=found.high,
        auc_method=found.method,
        worst_share=worst_share,
    )
