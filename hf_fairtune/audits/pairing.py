"""What the parts of a comparison share: who takes part, and how a change gets its paired interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..intervals.bootstrap import Replicates, percentile_interval
from ..intervals.change_bands import BLIND, PairedFamily
from ..intervals.estimate import NAN, Estimate, undefined
from .evidence import NO_BOOTSTRAP, NOT_ASKED, Evidence
from .guards import ESTIMABLE, describe

KINDS = ("positives", "negatives", "rows")
Draw = Callable[[Replicates], np.ndarray]
Gather = Callable[[tuple[Replicates, Replicates]], PairedFamily]
Band = Callable[[PairedFamily, float], tuple[float, float]]


@dataclass(frozen=True)
class Pairing:
    """A model and a reference on the same rows, resampled together.

    Args:
        model: the model's rows and replicates.
        reference: the reference's, its replicates from the same resamples.
    """

    model: Evidence
    reference: Evidence

    @property
    def replicates(self) -> tuple[Replicates, Replicates] | None:
        """Return the model's and the reference's replicates; None without a bootstrap."""
        first, second = self.model.replicates, self.reference.replicates
        return (first, second) if first and second else None

    def counts(self, need: str) -> np.ndarray:
        """Count independent cases by group: `need` is "positives", "negatives" or "rows" -> [n_groups]."""
        return list(self.model.counts.values())[KINDS.index(need)]

    def group_change(self, value: float, draw: Draw, code: int, needs: Sequence[str]) -> Estimate:
        """Judge the change of one group's number: undefined, without interval, or with that of `change`.

        Args:
            value: model minus reference, NaN if the group lacks what it divides by.
            draw: replicates of one model -> the group's number in each, [n_boot].
            code: of the group.
            needs: which of "positives", "negatives" and "rows" it divides by.
        """
        names = dict(zip(KINDS, self.model.counts, strict=True))
        counts = {names[need]: int(self.counts(need)[code]) for need in needs}
        if math.isnan(value):
            return self.undefined(describe(counts, 1) if self.counts("rows")[code] else "no rows")
        few = describe(counts, ESTIMABLE)
        return self.point(value, few) if few else self.change(value, draw)

    def change(self, value: float, draw: Draw) -> Estimate:
        """Give `value` the percentile interval of the paired replicates, model minus reference in each."""
        if self.replicates is None:
            return Estimate(value, NAN, NAN, self._method, NOT_ASKED)
        first, second = map(draw, self.replicates)
        low, high, reason = percentile_interval(first - second, self.model.confidence)
        return Estimate(value, low, high, self._method, reason)

    def across_change(
        self, value: float, gather: Gather, band: Band, needs: Sequence[str], convention: str
    ) -> Estimate:
        """Judge the change of a number made from all included groups: guarded as in an audit, else with a sup-t band.

        Args:
            value: model minus reference, NaN if a group lacks what it needs.
            gather: replicates of both -> the groups' numbers it is made from; replicates may be NaN.
            band: `minimum_change` or `range_change`.
            needs: as in `group_change`, in each group.
            convention: the formula, for the method's name.
        """
        bootstrap = f"sup-t {self.replicates[0].method}" if self.replicates else NO_BOOTSTRAP
        method = f"change of {convention}; {bootstrap}"
        withheld = self.model.withheld(value, needs, method)
        if withheld:
            return withheld
        if self.replicates is None:
            return Estimate(value, NAN, NAN, method, NOT_ASKED)
        return Estimate(value, *_banded(gather(self.replicates), band, self.model.confidence, method))

    def point(self, value: float, few: str | None) -> Estimate:
        """Return a change without an interval, for want of cases."""
        return Estimate(value, NAN, NAN, self._method, f"no interval: {few}")

    def undefined(self, reason: str | None) -> Estimate:
        """Return a change without a value, for `reason`."""
        return undefined(self._method, reason or "undefined")

    @property
    def _method(self) -> str:
        return f"paired percentile {self.replicates[0].method}" if self.replicates else NO_BOOTSTRAP


def _banded(family: PairedFamily, band: Band, confidence: float, method: str) -> tuple[float, float, str, str | None]:
    """Return the fields of an estimate that follow its value."""
    defined = ~np.isnan(family.draws).any(axis=(0, 2, 3))
    if not defined.any():
        return NAN, NAN, method, "no interval: undefined in every resample"
    low, high = band(PairedFamily(family.values, family.draws[:, defined], family.errors), confidence)
    if high - low < BLIND:
        return NAN, NAN, method, "no interval: the same value in every resample"
    lost = int((~defined).sum())
    return low, high, method, f"undefined in {lost} of {len(defined)} resamples" if lost else None


def still(draws: np.ndarray) -> np.ndarray:
    """Tell which numbers never vary over the replicates, where a bootstrap is blind: [..., n_boot, m, k] -> [m, k]."""
    flat: np.ndarray = np.nanstd(draws, axis=0) < BLIND
    return flat
