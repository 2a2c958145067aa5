"""What the numbers of an audit share: rows, included groups, guards against few cases, and replicates."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Literal

import numpy as np

from ...document.estimate import NAN, Estimate, Reason, Status, Unit, point, undefined
from .bootstrap import BLIND, Replicates
from .rows import ScoredRows

# Independent cases of the scarcer class from which a group is estimable, and from which solid: intervals of an AUC
# difference that claim 95 % hold it in about 0.88 of samples at 5 cases, 0.92 at 10, 0.95 at 20. Clusters are solid
# from so many effective ones: of 50, with a tenth of them 20 times as large, intervals of rates hold it in about 0.90.
ESTIMABLE, SOLID = 10, 20
# The place of all rows together, after the groups.
ALL = -1
NO_BOOTSTRAP = "none"
Need = Literal["positives", "negatives", "rows"]
NEEDS: tuple[Need, ...] = ("positives", "negatives", "rows")
BOTH: tuple[Need, ...] = ("positives", "negatives")
EFFECTIVE: tuple[Unit, ...] = ("effective_clusters_with_positives", "effective_clusters_with_negatives")
CLUSTERED: tuple[Unit, ...] = ("clusters_with_positives", "clusters_with_negatives", "clusters")
VALUE = attrgetter("value")
# Replicates without NaN, [n_boot, ...] -> low and high.
Bound = Callable[[np.ndarray], Iterable[float]]


class ResampledRows:
    """The checked rows of an audit and what its numbers are made from.

    A group with fewer than `ESTIMABLE` independent cases of a class, but with both, keeps its value and takes part in
    the minimum, the gap and the differences, for dropping it could hide the worst group; every interval it enters is
    withheld, and the reason names it. A group that lacks a class has no AUC: minimum, gap and differences are
    undefined. Only naming a group in `exclude` leaves it out of `included`, which holds codes.

    Attributes:
        ordered: the rows sorted, so that sums over them do not depend on their order in the input.
        counts: positives, negatives and rows by group and, last, in all: int [n_groups + 1, 3].
        units: the same in independent cases: rows, or clusters with such a row.
        n_clusters: in all; None where rows are independent.
        quantiles: draws, [n_boot] -> their percentile interval.
        effective: positives and negatives in independent cases, or effective clusters of them, [n_groups + 1, 2].
        status: of every group and, last, of all rows, by the scarcer class.
        reference: the group that was named; else the largest included one that is estimable; where none is, the
            largest; None without groups.
        named: whether the reference was.
        names, excluded: of the included groups and of the others.
    """

    def __init__(
        self,
        rows: ScoredRows,
        included: Sequence[int],
        replicates: Replicates | None,
        confidence: float,
        reference: int | None = None,
    ) -> None:
        self.rows, self.included, self.replicates, self.confidence = rows, tuple(included), replicates, confidence
        self.ordered, self.counts, self.units = rows.ordered(), rows.cases(units=False), rows.cases()
        self.n_clusters = None if rows.clusters is None else int(rows.clusters.max()) + 1
        self.quantiles = partial(np.quantile, q=[(1 - confidence) / 2, (1 + confidence) / 2])
        self.effective, scarcer = self.units[:, :2], self.units[:, :2].min(axis=1)
        if rows.clusters is not None:
            from .clusters import effective_cases  # only where there are clusters

            self.effective = effective_cases(rows)
        self.status: list[Status] = np.where(
            scarcer < ESTIMABLE, "not estimable", np.where(self.effective.min(axis=1) < SOLID, "weak", "ok")
        ).tolist()
        self.named = reference is not None
        self.reference = reference if self.named else largest_estimable(self.counts, self.units, self.included)
        self.names = list(map(rows.group_names.__getitem__, self.included))
        self.excluded = sorted({*rows.group_names} - {*self.names}, key=rows.group_names.index)

    def estimable(self, code: int) -> bool:
        """Tell whether a group, or `ALL` rows, may have intervals."""
        return self.status[code] != "not estimable"

    def few(
        self, code: int, needs: Sequence[Need] = BOTH, least: int = ESTIMABLE, group: str | None = None
    ) -> tuple[Reason, ...]:
        """Return a reason for each kind of case of which a group has fewer than `least`; `group` names it there.

        With `least` 1 that is what a group lacks: cases of a class, or any row at all.
        """
        if least == 1 and not self.counts[code, 2]:
            return (Reason("too_few", group, "rows", 0, 1),)
        units, found = NEEDS if self.rows.clusters is None else CLUSTERED, []
        for need, unit, count in zip(NEEDS, units, self.units[code].tolist(), strict=True):
            if need in needs and count < least:
                found.append(Reason("too_few", group, unit, count, least))
        return tuple(found)

    def grounds(self, code: int) -> tuple[Reason, ...]:
        """Return what makes a group's status less than ok."""
        if not self.estimable(code):
            return self.few(code)
        units, found = BOTH if self.rows.clusters is None else EFFECTIVE, []
        for unit, count in zip(units, self.effective[code].tolist(), strict=True):
            if count < SOLID:
                found.append(Reason("too_few", unit=unit, count=int(count), needed=SOLID))
        return tuple(found)

    def inside(self, code: int) -> ScoredRows:
        """Return the ordered rows of a group, or of `ALL`."""
        return self.ordered if code == ALL else self.ordered.take(self.ordered.groups == code)

    def guarded(self, found: Estimate, code: int) -> Estimate:
        """Take the interval off a group's estimate where the group is not estimable."""
        if self.estimable(code) or not found.defined:
            return found
        return replace(found, low=NAN, high=NAN, reasons=self.few(code))

    def percentile(
        self, value: float, draws: np.ndarray | None, *few: Reason, interval: str = "percentile"
    ) -> Estimate:
        """Give `value` the percentile interval of its replicates, [n_boot], unless too few cases forbid it."""
        method = NO_BOOTSTRAP if self.replicates is None else f"{interval} {self.replicates.method}"
        if few:
            return point(value, method, *few)
        return from_draws(value, draws, self.quantiles, method, [None])

    def across(
        self,
        value: float,
        needs: Sequence[Need],
        convention: str,
        draws: np.ndarray | None,
        bound: Bound,
        varying: Sequence[str | None] = (),
    ) -> Estimate:
        """Judge a number made from all included groups, each of which must have what it `needs`.

        The value is undefined, without interval, or with that of `bound`. The `convention` is the formula, for the
        method's name; for `draws`, `bound` and `varying` see `from_draws`.
        """
        method = f"{convention}; {NO_BOOTSTRAP if self.replicates is None else f'sup-t {self.replicates.method}'}"
        lacking, few = self.short(needs, 1), self.short(needs, ESTIMABLE)
        if lacking:
            return undefined(method, *lacking)
        if math.isnan(value):
            return undefined(method, Reason("too_few_groups", count=len(self.included)))
        if few:
            return point(value, method, *few)
        return from_draws(value, draws, bound, method, varying)

    def short(self, needs: Sequence[Need], least: int) -> list[Reason]:
        """Return a reason for each included group and kind of case with fewer than `least`."""
        found: list[Reason] = []
        for code, name in zip(self.included, self.names, strict=True):
            found += self.few(code, needs, least, name)
        return found


def largest_estimable(counts: np.ndarray, units: np.ndarray, included: Sequence[int]) -> int | None:
    """Return the largest of the groups `included` that is estimable; where none is, the largest; None without groups.

    `counts` are positives, negatives and rows by group, [n_groups + 1, 3], and `units` the same in independent cases.
    """
    kept = list(included)
    estimable = units[kept, :2].min(axis=1) >= ESTIMABLE
    return kept[int(np.lexsort((-counts[kept, 2], ~estimable))[0])] if kept else None


def from_draws(
    value: float, draws: np.ndarray | None, bound: Bound, method: str, varying: Sequence[str | None] = ()
) -> Estimate:
    """Give a value the interval that `bound` reads off its replicates, [n_boot, ...], or the reason for none.

    A replicate with a NaN is left out. `varying` names the draws' columns, where one that never varies leaves the
    bootstrap blind, not certain, as at an AUC of 1; so do draws that vary too seldom to give the interval a width.
    """
    if draws is None:
        return point(value, method, Reason("no_bootstrap"))
    flat = draws.reshape(len(draws), -1)
    kept = ~np.isnan(flat).any(axis=1)
    if not kept.any():
        return point(value, method, Reason("undefined_in_resamples"))
    if varying:
        still = np.flatnonzero(np.ptp(flat[kept], axis=0) < BLIND).tolist()
        if still:
            return point(value, method, *(Reason("same_in_resamples", varying[place]) for place in still))
    low, high = map(float, bound(draws[kept]))
    if high - low < BLIND:
        return point(value, method, Reason("same_in_resamples"))
    lost = int((~kept).sum())
    reasons = (Reason("lost_resamples", count=lost, needed=len(draws)),) if lost else ()
    return Estimate(value, low, high, method, reasons)
