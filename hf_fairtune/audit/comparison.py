"""A model against a reference on the same rows: what changed, overall and for each group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ..document.comparison import Comparison, GroupChange, RateChange, ThresholdChange
from ..document.estimate import NAN, Estimate, Reason, undefined
from ..errors import FairTuneError
from .audit import AuditOptions
from .engine.auc_tests import clustered_difference_test
from .engine.bootstrap import Replicates, joint_bootstrap
from .engine.delong import auc, paired_delong, score_error
from .engine.paired_rows import PairedFamily, PairedRows, still
from .engine.proportions import BONETT_PRICE, cells_of, confusion, paired_difference
from .engine.resampled_rows import ALL, BOTH, NEEDS, ResampledRows
from .engine.rows import ScoredRows, check_rows, check_scores, included_codes
from .metrics.auc_gap import extremes
from .metrics.metric import Gap, Rate, gaps, rates
from .thresholds import Decision
from .verdict import classify

Cuts = tuple[Decision, Decision]
PairedBound = Callable[[PairedFamily, np.ndarray], tuple[float, float]]


def compare(
    labels: ArrayLike,
    scores: ArrayLike,
    reference_scores: ArrayLike,
    groups: ArrayLike,
    group_names: Sequence[str],
    *,
    thresholds: Sequence[Cuts] = (),
    clusters: Sequence[object] | np.ndarray | None = None,
    exclude: Sequence[str] = (),
    n_boot: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Comparison:
    """Compare a model with a reference on one whole split: every number is model minus reference.

    Both are resampled together, so that what they share cancels. Intervals of AUCs are percentiles of the paired
    replicates; those of group rates Bonett & Price's for independent rows, and percentiles for clusters; those of the
    lowest AUC, the gap and the differences sup-t bands (see `maximum_change`), where percentiles would fail.

    Args:
        labels: 0 or 1, [n]; 1 is the finding to detect.
        scores: of the model, finite, [n]; higher means more likely 1.
        reference_scores: of the reference, for the same rows in the same order, [n].
        groups: codes of `group_names`, [n].
        group_names: name of each code, [n_groups].
        thresholds: a cut of the model's scores with one of the reference's, or decisions of each, chosen in the same
            way.
        clusters: id of each row's cluster (the patient), [n]; None where rows are independent.
        exclude: see `AuditOptions`, as the further arguments.
        n_boot: bootstrap replicates.
        seed: of the bootstrap.
        confidence: level of the intervals.

    Raises:
        FairTuneError: the rows do not fit together, the two cuts of a pair were chosen differently, or one was fitted
            on these very rows.
    """
    options = AuditOptions(exclude, n_boot, 0, seed, confidence)
    rows = check_rows(labels, scores, groups, group_names, clusters)
    return compare_rows(rows, reference_scores, thresholds, options)


def compare_rows(
    rows: ScoredRows, reference_scores: ArrayLike, thresholds: Sequence[Cuts], options: AuditOptions
) -> Comparison:
    """Compare on checked rows. Arguments as for `compare`."""
    paired = _paired(rows, reference_scores, thresholds, options)
    changes = AucChanges(paired)
    by_group = [changes.of(code) for code in range(len(rows.group_names))]
    model, gap = paired.model, changes.gap()
    positives, negatives, n = model.counts[ALL].tolist()
    return Comparison(
        confidence=float(options.confidence),
        n_boot=int(options.n_boot),
        seed=int(options.seed),
        clusters=rows.n_clusters,
        n=n,
        positives=positives,
        negatives=negatives,
        excluded=[name for code, name in enumerate(rows.group_names) if code not in model.included],
        auc=changes.of(ALL),
        p=changes.p(ALL),
        min_group_auc=changes.minimum(),
        auc_gap=gap,
        groups=[changes.row(code, own) for code, own in enumerate(by_group)],
        thresholds=[compare_threshold(paired, cuts, place) for place, cuts in enumerate(thresholds)],
        verdict=classify([by_group[code] for code in model.included], gap),
    )


def _paired(
    rows: ScoredRows, reference_scores: ArrayLike, thresholds: Sequence[Cuts], options: AuditOptions
) -> PairedRows:
    """Check the reference and the cuts, and resample both models together."""
    others = check_scores(reference_scores, "reference_scores")
    if others.shape != rows.scores.shape:
        raise FairTuneError(
            f"`reference_scores` has shape {others.shape} for {len(rows.scores)} rows; "
            "score the same rows with both models, in the same order."
        )
    for first, second in thresholds:
        if (first.policy, first.fitted_on) != (second.policy, second.fitted_on):
            raise FairTuneError(
                f"A pair of `thresholds` is `{first.policy}` fitted on {first.fitted_on} and `{second.policy}` fitted "
                f"on {second.fitted_on}; choose both in one way, on one split."
            )
    both = (rows, replace(rows, scores=others))
    cuts = [[pair[side].cut(own) for pair in thresholds] for side, own in enumerate(both)]
    replicates: list[Replicates | None] = [None, None]
    if options.n_boot:
        replicates = [*joint_bootstrap(both, cuts, options.n_boot, options.seed)]
    included = included_codes(rows.group_names, options.exclude)
    model, reference = (
        ResampledRows(own, included, draws, options.confidence) for own, draws in zip(both, replicates, strict=True)
    )
    return PairedRows(model, reference)


@dataclass(frozen=True)
class AucChanges:
    """Changes of AUC: of all rows, of each group, of the lowest and of the gap."""

    paired: PairedRows

    @cached_property
    def values(self) -> np.ndarray:
        """Compute the AUCs of both models by group and, last, of all rows: [2, n_groups + 1]."""
        found = []
        for side in (self.paired.model.rows, self.paired.reference.rows):
            parts = [side.take(side.groups == code) for code in range(len(side.group_names))]
            found.append([auc(part.labels, part.scores) for part in (*parts, side)])
        return np.array(found)

    def of(self, code: int) -> Estimate:
        """Judge the change of a group's AUC, excluded groups too, or of `ALL` rows."""
        model, reference = self.values[:, code].tolist()
        return self.paired.change(model - reference, lambda draws: draws.auc[:, code], code)

    def p(self, code: int) -> float:
        """Compute the two-sided p that model and reference have the same AUC, not adjusted for the number of groups.

        DeLong's paired test for independent rows; a t test with the error of the paired cluster bootstrap otherwise.
        NaN with fewer than 10 independent positives or negatives, where there is no bootstrap to read an error off,
        and where nothing varies.
        """
        model, other = self.paired.model, self.paired.reference.rows.scores
        if not model.estimable(code):
            return NAN
        rows = model.rows
        if rows.clusters is None:
            inside = slice(None) if code == ALL else rows.groups == code
            return paired_delong(rows.labels[inside], rows.scores[inside], other[inside])[2]
        draws = self.paired.draws(lambda replicates: replicates.auc[:, code])
        if draws is None:
            return NAN
        first, second = self.values[:, code].tolist()
        return clustered_difference_test((first, second), (draws[:, 0], draws[:, 1]), min(model.cases(code)))

    def row(self, code: int, change: Estimate) -> GroupChange:
        """Build a group's row."""
        model = self.paired.model
        positives, negatives, n = model.counts[code].tolist()
        reasons = model.grounds(code) + (() if code in model.included else (Reason("excluded"),))
        name, status = model.rows.group_names[code], model.status(code)
        return GroupChange(name, n, positives, negatives, status, reasons, change, self.p(code))

    def minimum(self) -> Estimate:
        """Judge the change of the lowest AUC of the included groups; the lowest may be another group's."""
        lowest = [extremes(own[:-1], self.paired.model.included).minimum for own in self.values]
        return self._across(lowest[0] - lowest[1], PairedFamily.minimum, "min over groups")

    def gap(self) -> Estimate:
        """Judge the change of the gap between the highest and the lowest AUC of the included groups."""
        gaps = [extremes(own[:-1], self.paired.model.included).gap for own in self.values]
        return self._across(gaps[0] - gaps[1], PairedFamily.largest_range, "max - min over groups")

    def _across(self, value: float, bound: PairedBound, convention: str) -> Estimate:
        model, kept = self.paired.model, list(self.paired.model.included)
        values = self.values[:, kept]

        def family(draws: np.ndarray) -> PairedFamily:
            # An AUC of 1 stays 1 in every resample; Newcombe's interval keeps a width there.
            errors = [
                [score_error(own, *model.cases(code), model.confidence) for own, code in zip(side, kept, strict=True)]
                for side in values
            ]
            blind = np.where(still(draws)[:, 0], errors, 0.0)
            return PairedFamily(values[:, None], np.hypot(*blind)[None], model.confidence)

        return self.paired.across(value, lambda draws: draws.auc[:, None, kept], family, bound, BOTH, convention)


@dataclass(frozen=True)
class RateChanges:
    """What both models predict at a pair of cuts, 0 or 1, [n] each, and the place of the cuts among the replicates'."""

    paired: PairedRows
    predictions: tuple[np.ndarray, np.ndarray]
    place: int

    def rate(self, rate: Rate, code: int) -> Estimate:
        """Judge the change of one group's rate."""
        rows = self.paired.model.rows
        cells = [rows.labels * 2 + own for own in self.predictions]
        among = (rows.groups == code) & np.isin(cells[0], cells_of(rate.denominator))
        model, reference = (np.isin(own, cells_of(rate.numerator)) & among for own in cells)
        counts = int((model & ~reference).sum()), int((reference & ~model).sum()), int(among.sum())
        value, low, high = paired_difference(*counts, self.paired.model.confidence)
        if not counts[2]:
            return undefined(BONETT_PRICE, Reason("zero_denominator"))
        if rows.clusters is None:
            return Estimate(value, low, high, BONETT_PRICE)
        return self.paired.change(value, lambda draws: rate(self._drawn(draws))[:, code], code, rate.needs)

    def gap(self, gap: Gap) -> Estimate:
        """Judge the change of the largest difference between groups over the gap's rates."""
        model, kept = self.paired.model, list(self.paired.model.included)
        rows = model.rows
        sides = [confusion(rows.labels, own, rows.groups, len(rows.group_names))[:, kept] for own in self.predictions]
        values = np.stack([gap.numbers(own) for own in sides])
        trials = np.stack([rows.units()[kept, NEEDS.index(rates()[name].needs[0])] for name in gap.rates])

        def family(draws: np.ndarray) -> PairedFamily:
            # A group whose rates, or whose change, never vary has the standard error of `paired_difference` there.
            blind = still(draws).any(axis=0) | still(draws[:, 0] - draws[:, 1])
            return PairedFamily(values, np.where(blind, np.sqrt(2) / (trials + 2), 0.0), model.confidence)

        first, second = (float(gap(own)) for own in sides)
        return self.paired.across(
            first - second,
            lambda draws: gap.numbers(self._drawn(draws)[..., kept]),
            family,
            PairedFamily.largest_range,
            gap.needs,
            gap.formula,
        )

    def _drawn(self, replicates: Replicates) -> np.ndarray:
        return replicates.counts[:, :, self.place]


def compare_threshold(paired: PairedRows, cuts: Cuts, place: int) -> ThresholdChange:
    """Compare at one pair of thresholds: every rate of the same rows, and every gap that is a range of such rates.

    Args:
        paired: the rows.
        cuts: of the model and of the reference.
        place: which of the replicates' cuts they are.

    Raises:
        FairTuneError: one was fitted on these very rows.
    """
    model, reference = (
        cut.apply(own.rows.labels, own.rows.scores, own.rows.groups, own.rows.group_names)
        for cut, own in zip(cuts, (paired.model, paired.reference), strict=True)
    )
    changes = RateChanges(paired, (model, reference), place)
    groups = []
    for code, name in enumerate(paired.model.rows.group_names):
        own = {key: changes.rate(rate, code) for key, rate in rates().items() if rate.paired}
        groups.append(RateChange(name, own))
    return ThresholdChange(
        policy=cuts[0].policy,
        fitted_on=cuts[0].fitted_on,
        value=cuts[0].value,
        reference_value=cuts[1].value,
        groups=groups,
        gaps={name: changes.gap(gap) for name, gap in gaps().items() if gap.paired},
    )
