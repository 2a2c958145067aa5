"""The audit at a threshold: rates by group with their intervals, and the gaps between groups."""

from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter

import numpy as np
from scipy.special import ndtri

from ..document.audit import RateGroup, ThresholdAudit
from ..document.estimate import NAN, Estimate, Reason, Unit, point, undefined
from .engine.bands import Bounds, Family, Over
from .engine.proportions import CLUSTERED_WILSON, WILSON, cells_of, confusion, correlation, mover, total, wilson
from .engine.resampled_rows import ESTIMABLE, ResampledRows
from .metrics.metric import Gap, Rate, cut_metrics, gaps, rates
from .thresholds import Decision

OVERALL = "overall"
# A threshold that hardly decides looks fair: the all-negative classifier has no difference at all.
DEGENERATE_RATE = 0.01


class Decided:
    """Decisions at one threshold, `place` among the replicates' cuts: what its rates and gaps are made from.

    Attributes:
        cells: place of each row among `proportions.CELLS`, [n].
        counts: of decisions by group and, last, in all rows: [4, n_groups + 1], see `confusion`; weighted as rows are.
        tallies: the same, of rows.
        draws: `counts` in every replicate, [4, n_boot, n_groups + 1]; None without a bootstrap.
    """

    def __init__(self, resampled: ResampledRows, predictions: np.ndarray, place: int) -> None:
        rows, known = resampled.rows, resampled.replicates
        self.resampled, self.cells = resampled, rows.labels * 2 + predictions
        decisions = rows.labels, predictions, rows.groups, len(rows.group_names)
        self.counts, self.tallies = confusion(*decisions, rows.weights), confusion(*decisions)
        self.draws = None if known is None else known.counts[:, :, place]
        # Kept in plain tables: a cache of a bound method would hold these rows in a circle after the audit.
        self._trials, self._bounds = dict[Rate, np.ndarray](), dict[Rate, np.ndarray]()

    def trials(self, rate: Rate) -> np.ndarray:
        """Return, counted once, the independent rows that a share of rows rests on, [n_groups + 1]."""
        if rate not in self._trials:
            self._trials[rate] = self._trials_of(rate)
        return self._trials[rate]

    def bounds(self, rate: Rate) -> np.ndarray:
        """Return, computed once, a rate with its low and high, [3, n_groups + 1]."""
        if rate not in self._bounds:
            self._bounds[rate] = self._bounds_of(rate)
        return self._bounds[rate]

    def _trials_of(self, rate: Rate) -> np.ndarray:
        """Count the independent rows that a share of rows rests on, [n_groups + 1]; see `effective_trials`."""
        rows, among = self.resampled.rows, np.isin(self.cells, cells_of(*rate.denominator))
        if rows.clusters is None:
            return total(self.counts, rate.denominator)
        from .engine.clusters import effective_trials  # only where there are clusters

        hits = np.isin(self.cells[among], cells_of(*rate.numerator))
        return effective_trials(hits, rows.take(among), self.resampled.confidence)

    def _bounds_of(self, rate: Rate) -> np.ndarray:
        """Compute a rate with its low and high by Wilson's interval of its share, [3, n_groups + 1]."""
        above, below = total(self.counts, rate.numerator), total(self.counts, rate.denominator)
        shares, level = wilson(above, below, self.resampled.confidence), self.resampled.confidence
        if self.resampled.rows.clusters is not None:
            shares[1:] = wilson(shares[0] * self.trials(rate), self.trials(rate), level)[1:]
        return rate.of_share(shares)

    def rate(self, rate: Rate) -> list[Estimate]:
        """Judge a rate in every group and, last, in all rows.

        Wilson's interval; for clusters, and for weighted rows, on rows over the design effect, withheld where fewer
        than `ESTIMABLE` of them lie in the denominator.
        """
        if rate.averaged:
            return self.mean_rate(rate)
        found, rows = [], self.resampled.rows
        units = self.units(rate).tolist()
        method = WILSON if rows.clusters is None else CLUSTERED_WILSON
        for code, (value, low, high) in enumerate(zip(*self.bounds(rate).tolist(), strict=True)):
            if not units[code]:
                found.append(undefined(method, Reason("zero_denominator")))
            elif rows.clusters is not None and units[code] < ESTIMABLE:
                unit: Unit = "clusters_in_denominator" if self.resampled.grouped else "rows_in_denominator"
                few = Reason("too_few", unit=unit, count=units[code], needed=ESTIMABLE)
                found.append(point(value, method, few))
            else:
                found.append(Estimate(value, low, high, method))
        return found

    def units(self, rate: Rate) -> np.ndarray:
        """Count the independent cases in a rate's denominator by group and, last, in all rows: int [n_groups + 1]."""
        if self.resampled.rows.clusters is None:
            return total(self.counts, rate.denominator)
        return self.resampled.rows.count(np.isin(self.cells, cells_of(*rate.denominator)))

    def mean_rate(self, rate: Rate) -> list[Estimate]:
        """Judge the mean of two rates of different rows like `rate`, by MOVER of the two rates' intervals.

        A cluster may have rows of both: then the rates correlate as far as clusters move both.
        """
        found, halves, rows = [], rate.halves, self.resampled.rows
        for code, pair in enumerate(zip(self.rate(halves[0]), self.rate(halves[1]), strict=True)):
            shared = 0.0
            if rows.clusters is not None and pair[0].defined and pair[1].defined:
                moves, inside = [], (rows.groups == code) | (code == len(rows.group_names))
                for half, own in zip(halves, pair, strict=True):
                    among = inside & np.isin(self.cells, cells_of(*half.denominator))
                    hits = among & np.isin(self.cells, cells_of(*half.numerator))
                    moved = (hits - own.value * among) * (1.0 if rows.weights is None else rows.weights)
                    moves.append(np.bincount(rows.clusters, moved))
                shared = correlation(*moves)
            terms, methods, reasons = [], dict[str, None](), dict[Reason, None]()
            for own in pair:
                terms.append((own.value, own.low, own.high))
                methods[own.method] = None
                reasons |= dict.fromkeys(own.reasons)
            value, low, high = mover(terms, (0.5, 0.5), shared)
            found.append(Estimate(value, low, high, f"MOVER of {' and '.join(methods)}", tuple(reasons)))
        return found

    def at_cut(self, code: int, cut: float) -> dict[str, Estimate]:
        """Judge what a cut of probabilities stands for, in a group or in all rows; nothing where scores are none."""
        rows, found = self.resampled.rows, dict[str, Estimate]()
        if rows.scores.min() < 0 or rows.scores.max() > 1:
            return found
        inside = (rows.groups == code) | (code == len(rows.group_names))
        part = rows.take(inside)
        for name, metric in cut_metrics().items():
            lacking = self.resampled.few(code, metric.needs, least=1) if 0 <= cut < 1 else (Reason("no_cut"),)
            if lacking:
                found[name] = undefined(name, *lacking)
                continue
            columns = self.cells[inside], part.clusters, cut, self.resampled.confidence
            if part.weights is None:
                own = metric.estimate(*columns)
            elif metric.weighted is None:
                own = undefined(name, Reason("not_weighted"))
            else:
                own = metric.weighted(*columns, part.weights)
            few = self.resampled.few(code, metric.needs)
            found[name] = replace(own, low=NAN, high=NAN, reasons=few) if few and own.defined else own
        return found

    def gap(self, gap: Gap) -> Estimate:
        """Compute a gap over the included groups with its simultaneous interval, or the reason why there is none.

        A signed gap compares with the reference group; its method names that and the one furthest from it.
        """
        resampled, kept, formula = self.resampled, list(self.resampled.included), gap.formula
        counts, names = self.counts[:, kept], resampled.names
        reference = 0 if resampled.reference is None else kept.index(resampled.reference)
        value = float(gap(counts, reference))
        if gap.over is Over.FURTHEST and len(kept) > 1:
            far = np.abs(gap.numbers(counts)[0] - gap.numbers(counts)[0, reference])
            far[reference] = -1.0  # so that a group is named even where all are equal
            furthest = "a group" if np.isnan(value) else f"`{names[int(far.argmax())]}`"
            formula += f", {furthest} - `{names[reference]}`"
        if np.isnan(value) and len(kept) > 1 and not resampled.short(gap.needs, 1):
            flagged = total(counts, ("predicted_positives",)).any()
            return undefined(formula, Reason("zero_denominator" if flagged else "no_predicted_positive"))
        row = 1.0 if resampled.rows.weights is None else float(resampled.rows.weights.mean())
        family = Family(_compared(gap, counts, row), self.errors(gap)[:, kept], resampled.confidence)
        draws = None if self.draws is None else _compared(gap, self.draws[..., kept], row)

        def bound(defined: np.ndarray) -> Bounds:
            low, high = family.gap(defined, gap.over, reference)
            low, high = (1 - high, 1 - low) if gap.complement else (low, high)
            # A ratio's interval is centred beside it, as its logarithms are of shifted counts.
            return min(low, value), max(high, value)

        return resampled.across(value, gap.needs, formula, draws, bound)

    def errors(self, gap: Gap) -> np.ndarray:
        """Read the standard error of each group's numbers off Wilson's intervals, [n_kinds, n_groups + 1].

        They keep a width at 0 and 1. NaN where there is none is 0.
        """
        errors, level = np.empty((len(gap.rates), self.counts.shape[1])), self.resampled.confidence
        for kind, name in enumerate(gap.rates):
            rate = rates()[name]
            if gap.over is Over.LOWEST_SHARE:
                trials = self.trials(rate)
                shares = (self.bounds(rate)[0] * trials + 0.5) / (trials + 1)
                errors[kind] = np.sqrt((1 - shares) / shares / (trials + 1))
            else:
                _, low, high = self.bounds(rate)
                errors[kind] = (high - low) / 2 / ndtri((1 + level) / 2)
        errors = np.nan_to_num(errors)
        return np.sqrt((errors**2).sum(axis=0, keepdims=True)) / len(errors) if gap.averaged else errors


def _compared(gap: Gap, counts: np.ndarray, row: float) -> np.ndarray:
    """Return what is compared between groups, [..., n_kinds, n_groups]; for a ratio logarithms of the rate.

    These are of (k + 1/2) / (n + 1), so that a rate of 0 has one; a `row` counts 1, or its mean weight.
    """
    if gap.over is not Over.LOWEST_SHARE:
        return gap.numbers(counts)
    rate = rates()[gap.rates[0]]
    return np.log((total(counts, rate.numerator) + row / 2) / (total(counts, rate.denominator) + row))[..., None, :]


def audit_threshold(
    resampled: ResampledRows, threshold: Decision, predictions: np.ndarray, place: int
) -> ThresholdAudit:
    """Audit every rate and gap at one threshold, by its predictions, 0 or 1, [n], and its place, see `Decided`."""
    decided, groups, by_rate, found = Decided(resampled, predictions, place), [], {}, {}
    for key, rate in rates().items():
        by_rate[key] = decided.rate(rate)
    for key, gap in gaps().items():
        found[key] = decided.gap(gap)
    for code, name in enumerate((*resampled.rows.group_names, OVERALL)):
        positives, negatives, n = resampled.counts[code].tolist()
        _, alarms, _, hits = decided.tallies[:, code].tolist()
        own = dict(zip(by_rate, map(itemgetter(code), by_rate.values()), strict=True))
        if threshold.predictions is None:
            cuts = threshold.by_group if code < len(resampled.rows.group_names) else None
            own |= decided.at_cut(code, (cuts or {}).get(name, threshold.value))
        groups.append(RateGroup(name, n, positives, negatives, hits, alarms, own))
    degenerate = False
    for code in resampled.included:
        selected = by_rate["selection_rate"][code]
        degenerate |= selected.high < DEGENERATE_RATE or selected.low > 1 - DEGENERATE_RATE
    return ThresholdAudit(
        policy=threshold.policy,
        fitted_on=threshold.fitted_on,
        value=threshold.value,
        by_group=threshold.by_group,
        degenerate=degenerate,
        overall=groups.pop(),
        groups=groups,
        gaps=found,
    )


def deployed(cuts: Sequence[ThresholdAudit]) -> int | None:
    """Return the place of the shared threshold to answer at: the first fitted one that decides, or the first."""
    found: list[tuple[bool, int]] = []
    for place, at in enumerate(cuts):
        known = False
        for row in at.groups:
            known |= row.rates["tpr"].defined and row.rates["fpr"].defined
        if known and not at.degenerate and not at.by_group:
            found.append((not at.fitted_on, place))
    return min(found)[1] if found else None
