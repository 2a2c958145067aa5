"""What the parts of an audit share: the rows, who takes part, how many cases there are, and the replicates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .bootstrap import Replicates, percentile_interval
from .estimate import NAN, Estimate, undefined
from .guards import ESTIMABLE, Guard, guard, shortage
from .rows import Rows

NO_BOOTSTRAP = "none"


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

    @property
    def bootstrap_method(self) -> str:
        """Name the bootstrap."""
        return self.replicates.method if self.replicates else NO_BOOTSTRAP

    def bootstrapped(self, value: float, draw: Callable[[Replicates], np.ndarray], convention: str = "") -> Estimate:
        """Give `value` the percentile interval of its replicates, `draw(replicates)` -> [n_boot]."""
        method = f"{convention}; {self.bootstrap_method}" if convention else self.bootstrap_method
        if self.replicates is None:
            return Estimate(value, NAN, NAN, method, "no interval: n_boot is 0")
        low, high, reason = percentile_interval(draw(self.replicates), self.confidence)
        return Estimate(value, low, high, method, reason)

    def across(
        self,
        value: float,
        draw: Callable[[Replicates], np.ndarray],
        needs: Sequence[str],
        convention: str = "",
    ) -> Estimate:
        """Judge a number made from all included groups: undefined, without interval, or bootstrapped.

        Args:
            value: the number, NaN if a group lacks what it needs.
            draw: replicates -> the number in each, [n_boot].
            needs: which of "positives", "negatives" and "rows" it divides by in each group.
            convention: the formula, where the name alone is ambiguous.
        """
        kinds = dict(zip(("positives", "negatives", "rows"), self.counts, strict=True))
        counts = {kinds[need]: self.counts[kinds[need]] for need in needs}
        names, method = self.rows.group_names, convention or self.bootstrap_method
        missing = shortage(names, counts, self.included, 1)
        if missing:
            return undefined(method, f"{missing} (`exclude` leaves a group out)")
        if math.isnan(value):
            return undefined(method, f"{len(self.included)} groups take part, too few")
        few = shortage(names, counts, self.included, ESTIMABLE)
        if few:
            return Estimate(value, NAN, NAN, method, f"no interval: {few}")
        return self.bootstrapped(value, draw, convention)
