"""The audit at a threshold: rates by group and their differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ..intervals.bootstrap import Replicates
from ..intervals.estimate import Estimate
from ..intervals.proportion import wilson
from ..intervals.simultaneous import Family, range_interval
from ..metrics.equalized_odds_difference import CONVENTION
from ..metrics.rates import RateCounts, rate_counts, spread
from ..metrics.thresholds import Threshold, is_degenerate
from .evidence import Evidence

RANGE = "max - min over groups"


@dataclass(frozen=True)
class RateGroup:
    """One group's rates with their numerators and denominators."""

    group: str
    n: int
    positives: int
    negatives: int
    true_positives: int
    false_positives: int
    predicted_positives: int
    tpr: Estimate
    fpr: Estimate
    selection_rate: Estimate


@dataclass(frozen=True)
class ThresholdAudit:
    """What a threshold does: differences over groups, and the rates behind them."""

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


def audit_threshold(evidence: Evidence, threshold: Threshold, place: int) -> ThresholdAudit:
    """Audit one threshold.

    Rates have Wilson intervals for independent rows and those of the cluster bootstrap otherwise; differences have
    simultaneous intervals of the bootstrap (see `range_interval`).

    Args:
        place: which of the replicates' cuts is this threshold's.

    Raises:
        FairTuneError: it was fitted on these very rows.
    """
    rows, names = evidence.rows, evidence.rows.group_names
    predictions = threshold.apply(rows.labels, rows.scores)
    counts = rate_counts(rows.labels, predictions, rows.groups, len(names))
    total = rate_counts(rows.labels, predictions, np.zeros_like(rows.groups), 1)
    return ThresholdAudit(
        policy=threshold.policy,
        fitted_on=threshold.fitted_on,
        value=threshold.value,
        degenerate=is_degenerate(counts.selection_rate),
        **_differences(evidence, counts, place),
        overall=_rate_group(evidence, "overall", total, 0, (place, len(names))),
        groups=[_rate_group(evidence, name, counts, g, (place, g)) for g, name in enumerate(names)],
    )


def _differences(evidence: Evidence, counts: RateCounts, place: int) -> dict[str, Estimate]:
    kept = list(evidence.included)

    def over(convention: str, **rates: str) -> Estimate:
        values = np.stack([getattr(counts, rate)[kept] for rate in rates])

        def draws(replicates: Replicates) -> np.ndarray:
            return np.stack([getattr(replicates, rate)[:, place][:, kept] for rate in rates], axis=1)

        errors = np.stack([_score_errors(evidence, counts, rate, need)[kept] for rate, need in rates.items()])
        family, value = Family(values, draws, errors), float(spread(values).max())
        return evidence.across(value, family, range_interval, list(rates.values()), convention)

    tpr, fpr = {"tpr": "positives"}, {"fpr": "negatives"}
    return {
        "equalized_odds_difference": over(CONVENTION, **tpr, **fpr),
        "demographic_parity_difference": over(RANGE, selection_rate="rows"),
        "tpr_difference": over(RANGE, **tpr),
        "fpr_difference": over(RANGE, **fpr),
    }


def _score_errors(evidence: Evidence, counts: RateCounts, rate: str, need: str) -> np.ndarray:
    """Read standard errors off Wilson's intervals, which keep a width at a rate of 0 or 1: [n_groups]."""
    trials = list(evidence.counts.values())[("positives", "negatives", "rows").index(need)]
    successes = np.rint(np.nan_to_num(getattr(counts, rate)) * trials)
    level = evidence.confidence
    found = [wilson(int(k), int(n), level) for k, n in zip(successes, trials, strict=True)]
    return np.array([(item.high - item.low) / 2 for item in found]) / norm.ppf((1 + level) / 2)


def _rate_group(evidence: Evidence, name: str, counts: RateCounts, group: int, column: tuple[int, int]) -> RateGroup:
    def rate(kind: str, successes: np.ndarray, trials: np.ndarray) -> Estimate:
        found = wilson(int(successes[group]), int(trials[group]), evidence.confidence)
        if evidence.rows.clusters is None or not trials[group]:
            return found
        return evidence.bootstrapped(found.value, lambda draws: getattr(draws, kind)[:, column[0], column[1]])

    return RateGroup(
        group=name,
        n=int(counts.n[group]),
        positives=int(counts.positives[group]),
        negatives=int(counts.negatives[group]),
        true_positives=int(counts.true_positives[group]),
        false_positives=int(counts.false_positives[group]),
        predicted_positives=int(counts.predicted_positives[group]),
        tpr=rate("tpr", counts.true_positives, counts.positives),
        fpr=rate("fpr", counts.false_positives, counts.negatives),
        selection_rate=rate("selection_rate", counts.predicted_positives, counts.n),
    )
