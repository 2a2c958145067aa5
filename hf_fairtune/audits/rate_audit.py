"""The audit of every rate, by group, at a threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from .. import catalog
from ..intervals.estimate import NAN, Estimate, undefined
from ..intervals.proportion import wilson
from ..metrics.metric import Rate
from ..metrics.rates import RateCounts
from .evidence import Evidence
from .guards import guard

NAMED = ("tpr", "fpr", "selection_rate")


@dataclass(frozen=True)
class RateGroup:
    """One group's rates with their numerators and denominators; `rates` are those of further files of `metrics/`."""

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
    rates: dict[str, Estimate] = field(default_factory=dict)


@cache
def rates() -> dict[str, Rate]:
    """Find every rate among the files of `metrics/`, by name."""
    found = {name: getattr(catalog.find("metrics", name), "METRIC", None) for name in catalog.names("metrics")}
    return {name: metric for name, metric in found.items() if isinstance(metric, Rate)}


def audit_rates(evidence: Evidence, names: Sequence[str], counts: RateCounts, place: int) -> list[RateGroup]:
    """Audit the rates of every group.

    Args:
        names: of the groups, [n_groups]; or one name for the whole split, and counts of all rows.
        counts: [len(names)].
        place: which of the replicates' cuts this is.
    """
    whole = tuple(names) != evidence.rows.group_names
    found = {name: _RateAudit(evidence, rate, place, whole).of(counts) for name, rate in rates().items()}
    return [
        RateGroup(
            group=name,
            n=int(counts.n[g]),
            positives=int(counts.positives[g]),
            negatives=int(counts.negatives[g]),
            true_positives=int(counts.true_positives[g]),
            false_positives=int(counts.false_positives[g]),
            predicted_positives=int(counts.predicted_positives[g]),
            **{kind: found[kind][g] for kind in NAMED},
            rates={kind: item[g] for kind, item in found.items() if kind not in NAMED},
        )
        for g, name in enumerate(names)
    ]


@dataclass(frozen=True)
class _RateAudit:
    """One rate at one of the replicates' cuts, of the whole split or of its groups."""

    evidence: Evidence
    rate: Rate
    place: int
    whole: bool

    def of(self, counts: RateCounts) -> list[Estimate]:
        """Judge the rate in every group, [n_groups]."""
        above, below = self.rate.numerator(counts), self.rate.denominator(counts)
        drawn = self._drawn()
        cells = zip(above.tolist(), below.tolist(), strict=True)
        return [self._one(k, n, None if drawn is None else drawn[:, g], g) for g, (k, n) in enumerate(cells)]

    def _drawn(self) -> np.ndarray | None:
        """Compute the rate in every replicate where its interval is the bootstrap's, [n_boot, n_groups]."""
        replicates = self.evidence.replicates
        if replicates is None or (self.rate.binomial and self.evidence.rows.clusters is None):
            return None
        drawn = self.rate(replicates.counts(self.place))
        return drawn[:, -1:] if self.whole else drawn[:, :-1]

    def _one(self, above: int, below: int, drawn: np.ndarray | None, group: int) -> Estimate:
        found = wilson(above, below, self.evidence.confidence) if self.rate.binomial else None
        if found is not None and (self.evidence.rows.clusters is None or math.isnan(found.value)):
            return found
        if not below:
            return undefined("bootstrap", "the denominator is 0")
        few = None if self.rate.binomial else self._few(group)
        if few:
            return Estimate(above / below, NAN, NAN, "bootstrap", f"no interval: {few}")
        return self.evidence.bootstrapped(above / below, lambda _: np.asarray(drawn))

    def _few(self, group: int) -> str | None:
        """Say which class is too rare for an interval of the bootstrap; None where none is."""
        if not self.whole:
            state = self.evidence.guards[group]
        else:
            rows = self.evidence.rows
            ids = np.arange(len(rows.labels)) if rows.clusters is None else rows.clusters
            positives, negatives = (len(np.unique(ids[rows.labels == label])) for label in (1, 0))
            state = guard(positives, negatives, "" if rows.clusters is None else "clusters with ")
        return state.reason if state.status == "not estimable" else None
