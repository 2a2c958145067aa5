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
from ..metrics.rates import RateCounts, rate_counts
from ..metrics.rows import Rows
from .evidence import Evidence
from .guards import ESTIMABLE, describe

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


def audit_rates(
    evidence: Evidence, predictions: np.ndarray, place: int, names: Sequence[str] | None = None
) -> list[RateGroup]:
    """Audit the rates of every group.

    Args:
        predictions: 0 or 1, [n].
        place: which of the replicates' cuts this is.
        names: of the groups, [n_groups]; None for the whole split, called "overall".
    """
    rows = evidence.rows
    codes = rows.groups if names else np.zeros_like(rows.groups)
    told = tuple(names or ("overall",))
    counts = rate_counts(rows.labels, predictions, codes, len(told))
    cells = _Cells.of(rows, predictions, codes)
    found = {name: _RateAudit(evidence, rate, place, not names, cells).of(counts) for name, rate in rates().items()}
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
        for g, name in enumerate(told)
    ]


@dataclass(frozen=True)
class _Cells:
    """What every cluster has within every group: the counts, and the group's code, [n_cells] each."""

    counts: RateCounts
    codes: np.ndarray

    @classmethod
    def of(cls, rows: Rows, predictions: np.ndarray, codes: np.ndarray) -> _Cells | None:
        """Count by group and cluster; None where rows are independent."""
        if rows.clusters is None or rows.n_clusters is None:
            return None
        kept, places = np.unique(codes * rows.n_clusters + rows.clusters, return_inverse=True)
        return cls(rate_counts(rows.labels, predictions, places, len(kept)), kept // rows.n_clusters)

    def holding(self, rate: Rate, n_groups: int) -> np.ndarray:
        """Count the clusters with rows in the rate's denominator, [n_groups]."""
        return np.bincount(self.codes[rate.denominator(self.counts) > 0], minlength=n_groups)


@dataclass(frozen=True)
class _RateAudit:
    """One rate at one of the replicates' cuts, of the whole split or of its groups."""

    evidence: Evidence
    rate: Rate
    place: int
    whole: bool
    cells: _Cells | None

    def of(self, counts: RateCounts) -> list[Estimate]:
        """Judge the rate in every group, [n_groups]."""
        above, below = self.rate.numerator(counts).tolist(), self.rate.denominator(counts).tolist()
        drawn, few = self._drawn(), self._few(len(below))
        return [
            self._one(k, n, None if drawn is None else drawn[:, g], few[g])
            for g, (k, n) in enumerate(zip(above, below, strict=True))
        ]

    def _drawn(self) -> np.ndarray | None:
        """Compute the rate in every replicate where its interval is the bootstrap's, [n_boot, n_groups]."""
        replicates = self.evidence.replicates
        if replicates is None or (self.rate.binomial and self.cells is None):
            return None
        drawn = self.rate(replicates.counts(self.place))
        return drawn[:, -1:] if self.whole else drawn[:, :-1]

    def _one(self, above: int, below: int, drawn: np.ndarray | None, few: str | None) -> Estimate:
        found = wilson(above, below, self.evidence.confidence) if self.rate.binomial else None
        if found is not None and (self.cells is None or math.isnan(found.value)):
            return found
        if not below:
            return undefined("bootstrap", "the denominator is 0")
        if few:
            return Estimate(above / below, NAN, NAN, "bootstrap", f"no interval: {few}")
        return self.evidence.bootstrapped(above / below, lambda _: np.asarray(drawn))

    def _few(self, n_groups: int) -> list[str | None]:
        """Say in which groups too few cases hold the rate for an interval of the bootstrap, [n_groups].

        For a share these are the clusters that it divides by; rows that are independent have Wilson's interval, which
        needs no number. Any other rate, such as F1, rests on both classes.
        """
        if self.rate.binomial:
            held = [] if self.cells is None else self.cells.holding(self.rate, n_groups).tolist()
            return [describe({"clusters in the denominator": n}, ESTIMABLE) for n in held] or [None] * n_groups
        states = [self.evidence.overall_guard] if self.whole else self.evidence.guards
        return [state.reason if state.status == "not estimable" else None for state in states]
