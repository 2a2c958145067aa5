"""The audit at a threshold: rates by group with their intervals, and the gaps between groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import norm

from ..document.audit import RateGroup, ThresholdAudit
from ..document.estimate import Estimate, Reason, undefined
from .engine.bands import Bounds, Family
from .engine.bootstrap import Replicates
from .engine.proportions import WILSON, cells_of, confusion, ratio, total, wilson
from .engine.resampled_rows import ESTIMABLE, ResampledRows
from .metrics.metric import Gap, Rate, gaps, rates
from .thresholds import Decision, is_degenerate

OVERALL = "overall"
SELECTED = (("predicted_positives",), ("rows",))


@dataclass(frozen=True)
class Decided:
    """Decisions at one threshold: what its rates and gaps are made from.

    Args:
        resampled: the rows.
        predictions: 0 or 1, [n].
        place: which of the replicates' cuts the threshold is.
    """

    resampled: ResampledRows
    predictions: np.ndarray
    place: int

    @cached_property
    def counts(self) -> np.ndarray:
        """Count decisions by group and, last, in all rows: [4, n_groups + 1], see `confusion`."""
        rows = self.resampled.rows
        return confusion(rows.labels, self.predictions, rows.groups, len(rows.group_names))

    def trials(self, rate: Rate) -> np.ndarray:
        """Count the independent cases in a rate's denominator, [n_groups + 1]."""
        rows = self.resampled.rows
        return rows.independent(np.isin(rows.labels * 2 + self.predictions, cells_of(rate.denominator)))

    def rate(self, rate: Rate) -> list[Estimate]:
        """Judge a rate in every group and, last, in all rows.

        Wilson's interval for independent rows. For clusters, and for what is no share of rows, the bootstrap's,
        withheld where fewer than `ESTIMABLE` clusters lie in the denominator, or cases of a class in the group.
        """
        resampled, values = self.resampled, rate(self.counts)
        shares = wilson(
            *(total(self.counts, names) for names in (rate.numerator, rate.denominator)), resampled.confidence
        )
        simple, replicates = rate.binomial and resampled.rows.clusters is None, resampled.replicates
        drawn = None if simple or replicates is None else rate(replicates.counts[:, :, self.place])
        found = []
        for code, cases in enumerate(self.trials(rate).tolist()):
            if np.isnan(values[code]):
                found.append(undefined(WILSON if rate.binomial else "bootstrap", Reason("zero_denominator")))
            elif simple:
                found.append(Estimate(*shares[:, code].tolist(), WILSON))
            else:
                few = resampled.few(code)
                if rate.binomial:
                    lack = Reason("too_few", unit="clusters_in_denominator", count=cases, needed=ESTIMABLE)
                    few = (lack,) if cases < ESTIMABLE else ()
                draws = None if drawn is None else drawn[:, code]
                found.append(resampled.percentile(float(values[code]), draws, *few))
        return found

    def gap(self, gap: Gap) -> Estimate:
        """Compute a gap over the included groups with its simultaneous interval, or the reason why there is none.

        A signed gap compares with the largest estimable group.
        """
        resampled, kept = self.resampled, list(self.resampled.included)
        counts = self.counts[:, kept]
        reference = 0 if resampled.reference is None else kept.index(resampled.reference)
        value, formula = float(gap(counts, reference)), gap.formula
        if gap.signed and len(kept) > 1:
            formula += self._whose(gap, counts, reference)
        if np.isnan(value) and len(kept) > 1 and not resampled.short(gap.needs, 1):
            flagged = total(counts, ("predicted_positives",)).any()
            return undefined(formula, Reason("zero_denominator" if flagged else "no_predicted_positive"))
        family = Family(_compared(gap, counts), self._errors(gap)[:, kept], resampled.confidence)

        def draw(replicates: Replicates) -> np.ndarray:
            return _compared(gap, replicates.counts[:, :, self.place][..., kept])

        def bound(draws: np.ndarray) -> Bounds:
            low, high = gap.over.bounds(family, draws, reference)
            low, high = (1 - high, 1 - low) if gap.complement else (low, high)
            # A ratio's interval is centred beside it, as its logarithms are of shifted counts.
            return min(low, value), max(high, value)

        return resampled.across(value, gap.needs, formula, draw, bound)

    def _whose(self, gap: Gap, counts: np.ndarray, reference: int) -> str:
        """Name the groups of a signed gap, the one furthest from the reference first."""
        values = gap.numbers(counts)[0]
        names = [self.resampled.rows.group_names[code] for code in self.resampled.included]
        distances = np.abs(values - values[reference])
        if np.isnan(distances).any():
            return f", a group - `{names[reference]}`"
        distances[reference] = -1.0  # so that a group is named even where all are equal
        return f", `{names[int(distances.argmax())]}` - `{names[reference]}`"

    def _errors(self, gap: Gap) -> np.ndarray:
        """Give each group's numbers a standard error to fall back on, [n_kinds, n_groups + 1].

        Those of rates are read off Wilson's intervals, which keep a width at 0 and 1.
        """
        found, level = [], self.resampled.confidence
        for rate in (rates()[name] for name in gap.rates):
            trials, values = self.trials(rate), np.nan_to_num(rate(self.counts))
            if gap.over.relative:
                shares = (values * trials + 0.5) / (trials + 1)
                found.append(np.sqrt((1 - shares) / shares / (trials + 1)))
            else:
                _, low, high = wilson(np.rint(values * trials), trials, level)
                found.append((high - low) / 2 / norm.ppf((1 + level) / 2))
        errors = np.stack(found)
        return np.sqrt((errors**2).sum(axis=0, keepdims=True)) / len(errors) if gap.averaged else errors


def _compared(gap: Gap, counts: np.ndarray) -> np.ndarray:
    """Return what is compared between groups, [..., n_kinds, n_groups]; for a relative gap logarithms of shares.

    These are of (k + 1/2) / (n + 1), so that a share of 0 has one.
    """
    if not gap.over.relative:
        return gap.numbers(counts)
    rate = rates()[gap.rates[0]]
    return np.log((total(counts, rate.numerator) + 0.5) / (total(counts, rate.denominator) + 1))[..., None, :]


def audit_threshold(resampled: ResampledRows, threshold: Decision, place: int) -> ThresholdAudit:
    """Audit every rate and gap at one threshold.

    Args:
        resampled: the rows.
        threshold: a cut, or decisions.
        place: which of the replicates' cuts is this threshold's.

    Raises:
        FairTuneError: it was fitted on these very rows.
    """
    rows = resampled.rows
    decided = Decided(resampled, threshold.apply(rows.labels, rows.scores, rows.groups, rows.group_names), place)
    by_rate = {name: decided.rate(rate) for name, rate in rates().items()}
    groups = []
    for code, name in enumerate((*rows.group_names, OVERALL)):
        positives, negatives, n = resampled.counts[code].tolist()
        _, alarms, _, hits = decided.counts[:, code].tolist()
        own = {key: estimates[code] for key, estimates in by_rate.items()}
        groups.append(RateGroup(name, n, positives, negatives, hits, alarms, own))
    return ThresholdAudit(
        policy=threshold.policy,
        fitted_on=threshold.fitted_on,
        value=threshold.value,
        by_group=threshold.by_group,
        degenerate=is_degenerate(ratio(*(total(decided.counts[:, :-1], names) for names in SELECTED))),
        overall=groups.pop(),
        groups=groups,
        gaps={name: decided.gap(gap) for name, gap in gaps().items()},
    )
