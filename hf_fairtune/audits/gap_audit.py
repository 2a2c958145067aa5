"""The audit of one gap over groups at a threshold."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
from scipy.stats import norm

from .. import catalog
from ..intervals.bootstrap import Replicates
from ..intervals.estimate import Estimate, undefined
from ..intervals.gap_bands import furthest_interval, mean_range_interval, share_interval
from ..intervals.proportion import wilson
from ..intervals.simultaneous import Family, Interval, range_interval
from ..metrics.metric import NEEDS, Gap, furthest_from, largest_range, lowest_share, mean_range
from ..metrics.rates import RateCounts
from .evidence import Evidence

INTERVALS: dict[Callable[[np.ndarray, int], np.ndarray], Interval] = {
    largest_range: range_interval,
    mean_range: mean_range_interval,
    lowest_share: share_interval,
}


@cache
def gaps() -> dict[str, Gap]:
    """Find every gap among the files of `metrics/`, by name."""
    found = {name: getattr(catalog.find("metrics", name), "METRIC", None) for name in catalog.names("metrics")}
    return {name: metric for name, metric in found.items() if isinstance(metric, Gap)}


def audit_gap(evidence: Evidence, gap: Gap, counts: RateCounts, place: int) -> Estimate:
    """Compute a gap over the included groups with its simultaneous interval, or the reason why there is none.

    A signed gap compares with the largest estimable group, see `reference_place`.

    Args:
        counts: of all groups, [n_groups].
        place: which of the replicates' cuts this is.
    """
    kept, reference = list(evidence.included), reference_place(evidence)
    taken = counts.take(kept)
    value = float(gap(taken, reference))
    formula = gap.formula
    if gap.signed and len(kept) > 1:
        formula += _whose(evidence, gap, taken, reference)
    if gap.over is lowest_share and len(kept) > 1 and taken.n.all() and not taken.predicted_positives.any():
        return undefined(formula, "no group has a predicted positive")

    def draws(replicates: Replicates) -> np.ndarray:
        return _compared(gap, replicates.counts(place).take(kept))

    family = Family(_compared(gap, taken), draws, _errors(evidence, gap, counts)[:, kept])
    return evidence.across(value, family, _interval(gap, value, reference), gap.needs, formula)


def reference_place(evidence: Evidence) -> int:
    """Find the place among the included groups of the largest estimable one; of the largest where none is."""
    sizes = evidence.rows.counts().sum(axis=1)
    ranked = [(evidence.guards[code].status != "not estimable", int(sizes[code])) for code in evidence.included]
    return ranked.index(max(ranked)) if ranked else 0


def _whose(evidence: Evidence, gap: Gap, counts: RateCounts, reference: int) -> str:
    """Name the groups of a signed gap, the one furthest from the reference first."""
    values = gap.numbers(counts)[0]
    names = [evidence.rows.group_names[code] for code in evidence.included]
    distances = np.abs(values - values[reference])
    if np.isnan(distances).any():
        return f", a group - `{names[reference]}`"
    distances[reference] = -1.0  # so that a group is named even where all are equal
    return f", `{names[int(distances.argmax())]}` - `{names[reference]}`"


def _compared(gap: Gap, counts: RateCounts) -> np.ndarray:
    """Return what is compared between groups, [..., n_kinds, n_groups]; for a ratio logarithms of shares.

    These are of (k + 1/2) / (n + 1), so that a share of 0 has one.
    """
    if gap.over is not lowest_share:
        return gap.numbers(counts)
    return np.log((counts.predicted_positives + 0.5) / (counts.n + 1))[..., None, :]


def _interval(gap: Gap, value: float, reference: int) -> Interval:
    bound = partial(furthest_interval, reference=reference) if gap.over is furthest_from else INTERVALS[gap.over]

    def interval(values: np.ndarray, draws: np.ndarray, errors: np.ndarray, confidence: float) -> tuple[float, float]:
        low, high = bound(values, draws, errors, confidence)
        low, high = (1 - high, 1 - low) if gap.complement else (low, high)
        # A ratio's interval is centred beside it, as its logarithms are of shifted counts.
        return min(low, value), max(high, value)

    return interval


def _errors(evidence: Evidence, gap: Gap, counts: RateCounts) -> np.ndarray:
    """Give each group's numbers a standard error to fall back on, [n_kinds, n_groups]."""
    if gap.over is lowest_share:
        trials = list(evidence.counts.values())[2]
        shares = (np.nan_to_num(counts.selection_rate) * trials + 0.5) / (trials + 1)
        return np.sqrt((1 - shares) / shares / (trials + 1))[None]
    errors = np.stack([score_errors(evidence, counts, rate) for rate in gap.rates])
    return np.sqrt((errors**2).sum(axis=0, keepdims=True)) / len(errors) if gap.averaged else errors


def score_errors(evidence: Evidence, counts: RateCounts, rate: str) -> np.ndarray:
    """Read standard errors off Wilson's intervals, which keep a width at a rate of 0 or 1: [n_groups]."""
    trials = list(evidence.counts.values())[("positives", "negatives", "rows").index(NEEDS[rate])]
    successes = np.rint(np.nan_to_num(getattr(counts, rate)) * trials)
    level = evidence.confidence
    found = [wilson(int(k), int(n), level) for k, n in zip(successes, trials, strict=True)]
    return np.array([(item.high - item.low) / 2 for item in found]) / norm.ppf((1 + level) / 2)
