"""What the parts of an audit share: the rows, who takes part, how many cases there are, and the replicates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..intervals.bootstrap import Replicates, percentile_interval
from ..intervals.estimate import NAN, Estimate, undefined
from ..intervals.simultaneous import Family, Interval
from ..metrics.rows import Rows
from .guards import ESTIMABLE, EXCLUDE, Guard, guard, overall_guard, shortage, too_few

NO_BOOTSTRAP = "none"
NOT_ASKED = "no interval: n_boot is 0"


@dataclass(frozen=True)
class Evidence:
    """The checked rows of an audit and what its numbers are made from.

    Args:
        rows: the scored rows.
        included: codes of the groups in the minimum, the gap and the differences.
        replicates: of the bootstrap; None if there is none.
        confidence: level of the intervals, 0.95 for 95 %.
    """

    rows: Rows
    included: tuple[int, ...]
    replicates: Replicates | None
    confidence: float

    @cached_property
    def ordered(self) -> Rows:
        """Sort the rows, so that sums over them do not depend on how they were given (see `Rows.ordered`)."""
        return self.rows.ordered()

    @cached_property
    def counts(self) -> dict[str, np.ndarray]:
        """Count independent cases by kind: name -> [n_groups]."""
        negatives, positives, rows = self.rows.units().T
        if self.rows.clusters is None:
            return {"positives": positives, "negatives": negatives, "rows": rows}
        return {"clusters with positives": positives, "clusters with negatives": negatives, "clusters": rows}

    @cached_property
    def guards(self) -> list[Guard]:
        """Grade every group."""
        unit = "" if self.rows.clusters is None else "clusters with "
        positives, negatives, _ = self.counts.values()
        return [guard(int(p), int(n), unit) for p, n in zip(positives, negatives, strict=True)]

    @cached_property
    def overall_guard(self) -> Guard:
        """Grade all rows together."""
        return overall_guard(self.rows)

    def bootstrapped(self, value: float, draw: Callable[[Replicates], np.ndarray]) -> Estimate:
        """Give `value` the percentile interval of its replicates, `draw(replicates)` -> [n_boot]."""
        if self.replicates is None:
            return Estimate(value, NAN, NAN, NO_BOOTSTRAP, NOT_ASKED)
        low, high, reason = percentile_interval(draw(self.replicates), self.confidence)
        return Estimate(value, low, high, f"percentile {self.replicates.method}", reason)

    def across(
        self, value: float, family: Family, interval: Interval, needs: Sequence[str], convention: str
    ) -> Estimate:
        """Judge a number made from all included groups: undefined, without interval, or with a sup-t interval.

        Args:
            value: the number, NaN if a group lacks what it needs.
            family: the groups' numbers it is made from.
            interval: `minimum_interval` or `range_interval`.
            needs: which of "positives", "negatives" and "rows" it divides by in each group.
            convention: the formula, for the method's name.
        """
        bootstrap = f"sup-t {self.replicates.method}" if self.replicates else NO_BOOTSTRAP
        method = f"{convention}; {bootstrap}"
        return self.withheld(value, needs, method) or self._simultaneous(value, family, interval, method)

    def withheld(self, value: float, needs: Sequence[str], method: str) -> Estimate | None:
        """Return a number made from all included groups without an interval where guards forbid one, else None.

        Args:
            needs: which of "positives", "negatives" and "rows" it divides by in each group.
        """
        kinds = dict(zip(("positives", "negatives", "rows"), self.counts, strict=True))
        counts = {kinds[need]: self.counts[kinds[need]] for need in needs}
        missing = shortage(self.rows.group_names, counts, self.included, 1)
        if missing:
            return undefined(method, f"{missing} {EXCLUDE}")
        if math.isnan(value):
            return undefined(method, too_few(len(self.included)))
        few = shortage(self.rows.group_names, counts, self.included, ESTIMABLE)
        if few:
            return Estimate(value, NAN, NAN, method, f"no interval: {few}")
        return None

    def _simultaneous(self, value: float, family: Family, interval: Interval, method: str) -> Estimate:
        if self.replicates is None:
            return Estimate(value, NAN, NAN, method, NOT_ASKED)
        draws = family.draws(self.replicates)
        defined = draws[~np.isnan(draws).any(axis=(1, 2))]
        lost = len(draws) - len(defined)
        if not len(defined):
            return Estimate(value, NAN, NAN, method, "no interval: undefined in every resample")
        reason = f"undefined in {lost} of {len(draws)} resamples" if lost else None
        low, high = interval(family.values, defined, family.errors, self.confidence)
        return Estimate(value, low, high, method, reason)
