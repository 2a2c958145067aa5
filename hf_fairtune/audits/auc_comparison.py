"""Changes of AUC between two models: overall, of each group, of the lowest and of the gap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..intervals.bootstrap import Replicates
from ..intervals.change_bands import PairedFamily, minimum_change, range_change
from ..intervals.estimate import Estimate
from ..metrics.auc import auc, group_aucs
from ..metrics.extremes import Extremes, extremes
from ..metrics.rows import Rows
from .evidence import Evidence
from .group_auc import score_error
from .paired_test import paired_p
from .pairing import Gather, Pairing, still

BOTH = ("positives", "negatives")


@dataclass(frozen=True)
class ComparedGroup:
    """One group: counts, status, the change of its AUC and the p of no change, see `paired_p`."""

    group: str
    n: int
    positives: int
    negatives: int
    status: str
    reason: str | None
    auc: Estimate
    p: float


def overall_auc_change(pairing: Pairing) -> Estimate:
    """Judge the change of the whole split's AUC; without interval where all rows are not estimable (see `guard`)."""
    rows, other = pairing.model.rows, pairing.reference.rows
    value = auc(rows.labels, rows.scores) - auc(other.labels, other.scores)
    if np.isnan(value):
        return pairing.undefined("no negatives" if rows.labels.any() else "no positives")
    state = pairing.model.overall_guard
    if state.status == "not estimable":
        return pairing.point(value, state.reason)
    return pairing.change(value, lambda draws: draws.auc[:, -1])


def group_auc_changes(pairing: Pairing) -> list[Estimate]:
    """Judge the change of every group's AUC, excluded groups too."""
    values = _aucs(pairing.model.rows) - _aucs(pairing.reference.rows)

    def change(code: int) -> Estimate:
        return pairing.group_change(float(values[code]), lambda draws: draws.auc[:, code], code, BOTH)

    return [change(code) for code in range(len(values))]


def minimum_auc_change(pairing: Pairing) -> Estimate:
    """Judge the change of the lowest AUC of the included groups; the lowest may be another group's."""
    model, reference = _extremes(pairing)
    value = model.minimum - reference.minimum
    return pairing.across_change(value, _gather(pairing), minimum_change, BOTH, "min over groups")


def gap_change(pairing: Pairing) -> Estimate:
    """Judge the change of the gap between the highest and the lowest AUC of the included groups."""
    model, reference = _extremes(pairing)
    value = model.gap - reference.gap
    return pairing.across_change(value, _gather(pairing), range_change, BOTH, "max - min over groups")


def compared_groups(pairing: Pairing, changes: list[Estimate]) -> list[ComparedGroup]:
    """Build every group's row, excluded ones too."""
    evidence = pairing.model
    cells = zip(evidence.rows.group_names, evidence.rows.counts().tolist(), strict=True)
    return [
        ComparedGroup(
            group=name,
            n=negatives + positives,
            positives=positives,
            negatives=negatives,
            status=evidence.guards[code].status,
            reason=_reason(evidence, code),
            auc=changes[code],
            p=paired_p(pairing, code),
        )
        for code, (name, (negatives, positives)) in enumerate(cells)
    ]


def _reason(evidence: Evidence, code: int) -> str | None:
    excluded = None if code in evidence.included else "excluded by name"
    return "; ".join(reason for reason in (evidence.guards[code].reason, excluded) if reason) or None


def _aucs(rows: Rows) -> np.ndarray:
    return group_aucs(rows.labels, rows.scores, rows.groups, len(rows.group_names))


def _extremes(pairing: Pairing) -> tuple[Extremes, Extremes]:
    kept = pairing.model.included
    return extremes(_aucs(pairing.model.rows), kept), extremes(_aucs(pairing.reference.rows), kept)


def _gather(pairing: Pairing) -> Gather:
    kept = list(pairing.model.included)

    def family(replicates: tuple[Replicates, Replicates]) -> PairedFamily:
        values = np.stack([_aucs(side.rows)[kept] for side in (pairing.model, pairing.reference)])
        draws = np.stack([one.auc[:, kept] for one in replicates])
        # An AUC of 1 stays 1 in every resample; Newcombe's interval keeps a width there.
        errors = np.where(still(draws.swapaxes(0, 1)), _score_errors(pairing, values), 0.0)
        return PairedFamily(values[:, None], draws[:, :, None], np.hypot(*errors)[None])

    return family


def _score_errors(pairing: Pairing, values: np.ndarray) -> np.ndarray:
    level, kept = pairing.model.confidence, list(pairing.model.included)
    positives, negatives = (pairing.counts(need)[kept].tolist() for need in BOTH)
    return np.array(
        [[score_error(a, p, n, level) for a, p, n in zip(row, positives, negatives, strict=True)] for row in values]
    )
