"""The audit at a threshold: rates by group and their differences."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from ..intervals.estimate import Estimate
from ..metrics.rates import rate_counts
from ..metrics.thresholds import Decision, is_degenerate
from .evidence import Evidence
from .gap_audit import audit_gap, gaps
from .rate_audit import RateGroup, audit_rates

RANGE = "max - min over groups"


@dataclass(frozen=True)
class ThresholdAudit:
    """What a threshold does: differences over groups, and the rates behind them.

    `value` is NaN where every group has its own cut, in `by_group`, or where decisions were given; `measures` are the
    gaps of further files of `metrics/`.
    """

    policy: str
    fitted_on: str | None
    value: float
    degenerate: bool
    equalized_odds_difference: Estimate
    demographic_parity_difference: Estimate
    tpr_difference: Estimate
    fpr_difference: Estimate
    overall: RateGroup
    groups: list[RateGroup]
    measures: dict[str, Estimate] = field(default_factory=dict)
    by_group: dict[str, float] | None = None


def audit_threshold(evidence: Evidence, threshold: Decision, place: int) -> ThresholdAudit:
    """Audit one threshold.

    Rates have Wilson intervals for independent rows and those of the cluster bootstrap otherwise, withheld where
    under 10 clusters lie in the denominator; differences have simultaneous intervals of the bootstrap (see
    `range_interval`).

    Args:
        place: which of the replicates' cuts is this threshold's.

    Raises:
        FairTuneError: it was fitted on these very rows.
    """
    rows, names = evidence.rows, evidence.rows.group_names
    predictions = threshold.apply(rows.labels, rows.scores, rows.groups, names)
    counts = rate_counts(rows.labels, predictions, rows.groups, len(names))
    found = {name: audit_gap(evidence, gap, counts, place) for name, gap in gaps().items()}
    standing = {item.name for item in fields(ThresholdAudit)}
    return ThresholdAudit(
        policy=threshold.policy,
        fitted_on=threshold.fitted_on,
        value=threshold.value,
        degenerate=is_degenerate(counts.selection_rate),
        equalized_odds_difference=found["equalized_odds_difference"],
        demographic_parity_difference=found["demographic_parity_difference"],
        tpr_difference=found["equal_opportunity_difference"],
        fpr_difference=found["predictive_equality_difference"],
        overall=audit_rates(evidence, predictions, place)[0],
        groups=audit_rates(evidence, predictions, place, names),
        measures={name: item for name, item in found.items() if name not in standing},
        by_group=threshold.by_group,
    )
