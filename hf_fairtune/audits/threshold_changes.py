"""What changed at a pair of thresholds between a model and a reference: rates of the same rows, and gaps of those."""

import numpy as np

from ..document.comparison import RateChange, ThresholdChange
from ..document.estimate import Estimate, Reason, point, undefined
from ..errors import FairTuneError
from .engine.bands import Bounds
from .engine.paired_rows import PairedRows, range_change, still
from .engine.proportions import BONETT_PRICE, CLUSTERED_BONETT_PRICE, cells_of, confusion, paired_difference
from .engine.resampled_rows import NEEDS
from .metrics.metric import Gap, Rate, gaps, rates
from .thresholds import Decision

Cuts = tuple[Decision, Decision]


def compare_threshold(paired: PairedRows, cuts: Cuts, predictions: np.ndarray, place: int) -> ThresholdChange:
    """Compare every rate of the same rows, and every gap that is a range of such rates, at one pair of thresholds.

    `predictions` are of model and reference, [2, n]; `place` says which of the replicates' cuts they are.
    """
    model, reference = cuts
    if (model.policy, model.fitted_on) != (reference.policy, reference.fitted_on):
        raise FairTuneError(
            f"A pair of `thresholds` is `{model.policy}` fitted on {model.fitted_on} and `{reference.policy}` fitted "
            f"on {reference.fitted_on}; choose both in one way, on one split."
        )
    cells, groups, rows = paired.model.rows.labels * 2 + predictions, [], paired.model.rows
    counts = paired.draws(lambda replicates: np.moveaxis(replicates.counts[:, :, place], 0, 1))
    for code, name in enumerate(rows.group_names):
        own = {key: _rate_change(paired, rate, cells, code) for key, rate in rates().items() if rate.paired}
        groups.append(RateChange(name, own))
    gap_changes = {name: _gap_change(paired, gap, cells, counts) for name, gap in gaps().items() if gap.paired}
    return ThresholdChange(model.policy, model.fitted_on, model.value, reference.value, groups, gap_changes)


def _rate_change(paired: PairedRows, rate: Rate, cells: np.ndarray, code: int) -> Estimate:
    """Judge the change of one group's rate, from both models' cells by row, [2, n]."""
    rows, few = paired.model.rows, paired.model.few(code, rate.needs)
    among = (rows.groups == code) & np.isin(cells[0], cells_of(*rate.denominator))
    model, reference = np.isin(cells[:, among], cells_of(*rate.numerator))
    counted = np.ones(int(among.sum()), dtype=np.int64) if rows.weights is None else rows.weights[among]
    gained, lost = (counted @ (model & ~reference)).item(), (counted @ (reference & ~model)).item()
    trials = counted.sum().item()
    method = BONETT_PRICE if rows.clusters is None else CLUSTERED_BONETT_PRICE
    if not trials:
        return undefined(method, Reason("zero_denominator"))
    value, effective = (gained - lost) / trials, float(among.sum())
    if rows.clusters is not None and few:
        return point(value, method, *few)
    if rows.clusters is not None:
        from .engine.clusters import effective_rows  # only where there are clusters

        moved = model.astype(np.float64) - reference
        own = None if rows.weights is None else counted
        effective = effective_rows(moved, rows.clusters[among], paired.model.confidence, own)
    share = effective / trials
    _, low, high = paired_difference(gained * share, lost * share, effective, paired.model.confidence)
    return Estimate(value, low, high, method)


def _gap_change(paired: PairedRows, gap: Gap, cells: np.ndarray, counts: np.ndarray | None) -> Estimate:
    """Judge the change of the largest difference between groups over the gap's rates."""
    model, kept, rows = paired.model, list(paired.model.included), paired.model.rows
    sides = []
    for own in cells:
        sides.append(confusion(rows.labels, own % 2, rows.groups, len(rows.group_names), rows.weights)[:, kept])
    values = np.stack([gap.numbers(own) for own in sides])
    trials = np.stack([model.worth[kept, NEEDS.index(rates()[name].needs[0])] for name in gap.rates])
    draws = None if counts is None else gap.numbers(np.moveaxis(counts, 2, 0)[..., kept])

    def bound(drawn: np.ndarray) -> Bounds:
        # A group whose rates, or whose change, never vary has the standard error of `paired_difference` there.
        blind = still(drawn).any(axis=0) | still(drawn[:, 0] - drawn[:, 1])
        errors = np.where(blind, np.sqrt(2) / (trials + 2), 0.0)
        return range_change(values, errors, model.confidence, drawn)

    value = float(gap(sides[0])) - float(gap(sides[1]))
    return model.across(value, gap.needs, f"change of {gap.formula}", draws, bound)
