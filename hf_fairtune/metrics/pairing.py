"""What the parts of a comparison share: who takes part, and how a change gets its paired interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .bootstrap import Replicates, percentile_interval
from .estimate import NAN, Estimate, undefined
from .evidence import NOT_ASKED, Evidence
from .guards import ESTIMABLE, describe

KINDS = ("positives", "negatives", "rows")
Draw = Callable[[Replicates], np.ndarray]


@dataclass(frozen=True)
class Pairing:
    """A model and a reference on the same rows, resampled together.

    Args:
        model: the model's rows and replicates.
        reference: the reference's, its replicates from the same resamples.
    """

    model: Evidence
    reference: Evidence

    def group_change(self, value: float, draw: Draw, code: int, needs: Sequence[str]) -> Estimate:
        """Judge the change of one group's number.

        Args:
            value: model minus reference, NaN if the group lacks what it divides by.
            draw: replicates of one model -> the group's number in each, [n_boot].
            code: of the group.
            needs: which of "positives", "negatives" and "rows" it divides by.
        """
        kinds = dict(zip(KINDS, self.model.counts, strict=True))
        counts = {kinds[need]: int(self.model.counts[kinds[need]][code]) for need in needs}
        if math.isnan(value):
            missing = "no rows" if not self.model.counts[kinds["rows"]][code] else describe(counts, 1)
            return self.undefined(missing or "undefined")
        few = describe(counts, ESTIMABLE)
        if few:
            return Estimate(value, NAN, NAN, self._method, f"no interval: {few}")
        return self.change(value, draw)

    def across_change(self, value: float, draw: Draw, needs: Sequence[str], convention: str) -> Estimate:
        """Judge the change of a number made from all included groups; arguments as in `group_change`.

        Args:
            convention: the formula, for the method's name.
        """
        method = f"change of {convention}; {self._method}"
        return self.model.withheld(value, needs, method) or self.change(value, draw, method)

    def change(self, value: float, draw: Draw, method: str | None = None) -> Estimate:
        """Give `value` the percentile interval of the paired replicates, model minus reference in each."""
        named = method or self._method
        if self.model.replicates is None or self.reference.replicates is None:
            return Estimate(value, NAN, NAN, named, NOT_ASKED)
        changes = draw(self.model.replicates) - draw(self.reference.replicates)
        low, high, reason = percentile_interval(changes, self.model.confidence)
        return Estimate(value, low, high, named, reason)

    def undefined(self, reason: str) -> Estimate:
        """Return a change without a value, for `reason`."""
        return undefined(self._method, reason)

    @property
    def _method(self) -> str:
        return f"paired percentile {self.model.replicates.method}" if self.model.replicates else "none"
