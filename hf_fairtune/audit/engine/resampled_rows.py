"""What the numbers of an audit share: rows, included groups, guards against few cases, and replicates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from ...document.estimate import NAN, Estimate, Reason, Status, Unit, point, undefined
from .bootstrap import BLIND, Replicates
from .rows import ScoredRows

# Independent cases of the scarcer class from which a group is estimable, and from which solid: intervals of an AUC
# difference that claim 95 % hold it in about 0.88 of samples at 5 cases, 0.92 at 10, 0.95 at 20.
ESTIMABLE, SOLID = 10, 20
ALL = -1
NO_BOOTSTRAP = "none"
Need = Literal["positives", "negatives", "rows"]
NEEDS: tuple[Need, ...] = ("positives", "negatives", "rows")
BOTH: tuple[Need, ...] = ("positives", "negatives")
UNITS: dict[Need, Unit] = {
    "positives": "clusters_with_positives",
    "negatives": "clusters_with_negatives",
    "rows": "clusters",
}
# Replicates without NaN, [n_boot, ...] -> low and high, NaN where they never vary.
Bound = Callable[[np.ndarray], tuple[float, float]]


def status(positives: int, negatives: int) -> Status:
    """Grade a group by its scarcer class."""
    least = min(positives, negatives)
    return "not estimable" if least < ESTIMABLE else "weak" if least < SOLID else "ok"


def from_draws(
    value: float,
    draws: np.ndarray | None,
    bound: Bound,
    method: str,
    varying: Sequence[str | None] = (),
) -> Estimate:
    """Give a value the interval of its replicates, or the reason why there is none.

    Args:
        value: the number.
        draws: [n_boot, ...], a replicate with a NaN is left out; None without a bootstrap.
        bound: of the draws that are left.
        method: name of the interval.
        varying: name of each of the draws' columns, where one that never varies leaves the bootstrap blind.
    """
    if draws is None:
        return point(value, method, Reason("no_bootstrap"))
    flat = draws.reshape(len(draws), -1)
    kept = ~np.isnan(flat).any(axis=1)
    if not kept.any():
        return point(value, method, Reason("undefined_in_resamples"))
    if varying:
        still = np.flatnonzero(np.ptp(flat[kept], axis=0) < BLIND)
        if still.size:
            return point(value, method, *(Reason("same_in_resamples", varying[place]) for place in still))
    low, high = bound(draws[kept])
    if math.isnan(low):
        return point(value, method, Reason("same_in_resamples"))
    lost = int((~kept).sum())
    return Estimate(
        value, low, high, method, (Reason("lost_resamples", count=lost, needed=len(draws)),) if lost else ()
    )


@dataclass(frozen=True)
class ResampledRows:
    """The checked rows of an audit and what its numbers are made from.

    A group with fewer than `ESTIMABLE` independent cases of a class, but with both, keeps its value and takes part in
    the minimum, the gap and the differences, for dropping it could hide the worst group; every interval it enters is
    withheld, and the reason names it. A group that lacks a class has no AUC: minimum, gap and differences are
    undefined. Only naming a group in `exclude` leaves it out.

    Args:
        rows: the scored rows.
        included: codes of the groups in the minimum, the gap and the differences.
        replicates: of the bootstrap; None if there is none.
        confidence: level of the intervals, 0.95 for 95 %.
    """

    rows: ScoredRows
    included: tuple[int, ...]
    replicates: Replicates | None
    confidence: float

    @cached_property
    def ordered(self) -> ScoredRows:
        """Sort the rows, so that sums over them do not depend on their order in the input."""
        return self.rows.ordered()

    @cached_property
    def counts(self) -> np.ndarray:
        """Count positives, negatives and rows by group and, last, in all: int [n_groups + 1, 3]."""
        return self.rows.counts()

    @cached_property
    def units(self) -> np.ndarray:
        """Count the independent cases likewise: rows, or clusters with such a row."""
        return self.rows.units()

    def cases(self, code: int) -> tuple[int, int]:
        """Count independent positives and negatives of a group, or of `ALL` rows."""
        positives, negatives, _ = self.units[code].tolist()
        return positives, negatives

    def status(self, code: int) -> Status:
        """Grade a group, or `ALL` rows."""
        return status(*self.cases(code))

    def estimable(self, code: int) -> bool:
        """Tell whether a group, or `ALL` rows, may have intervals."""
        return self.status(code) != "not estimable"

    def grounds(self, code: int) -> tuple[Reason, ...]:
        """Return what makes a group's status less than ok."""
        return self.few(code, least=SOLID if self.estimable(code) else ESTIMABLE)

    def few(
        self, code: int, needs: Sequence[Need] = BOTH, least: int = ESTIMABLE, group: str | None = None
    ) -> tuple[Reason, ...]:
        """Return a reason for each kind of case of which a group has fewer than `least`, `group` its name there."""
        found = []
        for need, count in zip(NEEDS, self.units[code].tolist(), strict=True):
            if need in needs and count < least:
                unit: Unit = need if self.rows.clusters is None else UNITS[need]
                found.append(Reason("too_few", group, unit, count, least))
        return tuple(found)

    def lacking(self, code: int, needs: Sequence[Need] = BOTH) -> tuple[Reason, ...]:
        """Return what a group without any case of a kind lacks: all rows, or cases of a class."""
        if not self.counts[code, 2]:
            return (Reason("too_few", unit="rows", count=0, needed=1),)
        return self.few(code, needs, 1)

    @cached_property
    def reference(self) -> int | None:
        """Return the largest included group that is estimable; where none is, the largest; None without groups."""
        return max(self.included, key=lambda code: (self.estimable(code), self.counts[code, 2]), default=None)

    def inside(self, code: int) -> ScoredRows:
        """Return the ordered rows of a group, or of `ALL`."""
        return self.ordered if code == ALL else self.ordered.take(self.ordered.groups == code)

    def guarded(self, found: Estimate, code: int) -> Estimate:
        """Take the interval off a group's estimate where the group is not estimable."""
        if self.estimable(code) or not found.defined:
            return found
        return replace(found, low=NAN, high=NAN, reasons=self.grounds(code))

    def percentile(self, value: float, draws: np.ndarray | None, *few: Reason) -> Estimate:
        """Give `value` the percentile interval of its replicates, [n_boot], unless too few cases forbid it."""
        method = NO_BOOTSTRAP if self.replicates is None else f"percentile {self.replicates.method}"
        if few:
            return point(value, method, *few)
        return from_draws(value, draws, self.quantiles, method, [None])

    def quantiles(self, draws: np.ndarray) -> tuple[float, float]:
        """Compute the percentile interval of replicates, [n_boot]."""
        low, high = np.quantile(draws, [(1 - self.confidence) / 2, (1 + self.confidence) / 2])
        return float(low), float(high)

    def across(
        self,
        value: float,
        needs: Sequence[Need],
        convention: str,
        draw: Callable[[Replicates], np.ndarray],
        bound: Bound,
        varying: Sequence[str | None] = (),
        prefix: str = "sup-t ",
    ) -> Estimate:
        """Judge a number made from all included groups: undefined, without interval, or with that of `bound`.

        Args:
            value: the number, NaN if a group lacks what it needs.
            needs: what every group must have.
            convention: the formula, for the method's name.
            draw: replicates -> what the number is made from in each, [n_boot, ...].
            bound: of these draws.
            varying: see `from_draws`.
            prefix: of the bootstrap's name.
        """
        known = self.replicates
        method = f"{convention}; {prefix + known.method if known else NO_BOOTSTRAP}"
        withheld = self.withheld(value, needs, method)
        return withheld or from_draws(value, draw(known) if known else None, bound, method, varying)

    def withheld(self, value: float, needs: Sequence[Need], method: str) -> Estimate | None:
        """Return a number made from all included groups without an interval where guards forbid one, else None."""
        lacking = self.short(needs, 1)
        if lacking:
            return undefined(method, *lacking)
        if math.isnan(value):
            return undefined(method, Reason("too_few_groups", count=len(self.included)))
        few = self.short(needs, ESTIMABLE)
        return point(value, method, *few) if few else None

    def short(self, needs: Sequence[Need], least: int) -> list[Reason]:
        """Return a reason for each included group and kind of case with fewer than `least`."""
        found: list[Reason] = []
        for code in self.included:
            found += self.few(code, needs, least, self.rows.group_names[code])
        return found
