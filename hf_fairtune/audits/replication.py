"""A method against a reference by several training runs of each: variance of training and of test rows together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri
from scipy.stats import rankdata

from ..document.comparison import MARGIN
from ..document.estimate import NAN, Estimate, Reason, point, undefined
from ..document.replication import Contrast, GroupContrast, Repeated, Replication
from ..errors import FairTuneError
from .audit import AuditOptions
from .engine.clusters import auc_degrees
from .engine.delong import newcombe_interval
from .engine.resampled_rows import ALL, BOTH, ESTIMABLE, ResampledRows
from .engine.rows import ScoredRows, check_rows, check_scores, included_codes
from .training_runs import Number, Spread, TrainingRuns
from .verdict import classify

# Training runs from which their variance is more than a guess.
LEAST = 3
REPEATED = "t interval, variance of training runs and of rows"
JOINT = f"{REPEATED}; Bonferroni over the groups that changed"


def replicate(
    labels: ArrayLike,
    scores: ArrayLike,
    reference_scores: ArrayLike,
    groups: ArrayLike,
    group_names: Sequence[str],
    *,
    reference: str = "reference",
    seeds: Sequence[int] = (),
    clusters: Sequence[object] | np.ndarray | None = None,
    weights: ArrayLike | None = None,
    exclude: Sequence[str] = (),
    confidence: float = 0.95,
    margin: float = MARGIN,
) -> Replication:
    """Compare two methods by the scores that several training runs of each gave to the same rows.

    One run is one draw: what it shows is of that checkpoint. Here every number is a mean over runs, and its interval
    holds two variances: of the runs, s^2 / k of k runs, and of the rows, DeLong's of the mean placements (Obuchowski's
    for clusters). What a run makes of single rows is in both, so the interval is a little wide. Quantiles are
    Student's, with the degrees of freedom of Welch & Satterthwaite.

    Args:
        labels: 0 or 1, [n].
        scores: of the method, a row for each training run, [k, n], k of 3 or more.
        reference_scores: of the reference method, [k', n], k' of 3 or more; or of one given model, [n].
        groups: codes of `group_names`, [n].
        group_names: name of each code, [n_groups].
        reference: name of the reference.
        seeds: of the method's runs; else 0 to k - 1.
        clusters: id of each row's cluster (the patient), [n]; None where rows are independent.
        weights: see `audit`.
        exclude, confidence, margin: see `AuditOptions`.

    Raises:
        FairTuneError: the rows do not fit together, or a method has fewer than 3 runs.

    Source: Bouthillier et al. 2021, "Accounting for variance in machine learning benchmarks", MLSys; Satterthwaite
    1946, "An approximate distribution of estimates of variance components", for the degrees of freedom.
    """
    options = AuditOptions(exclude, 0, 0, 0, confidence, margin)
    runs, others = np.asarray(scores), np.asarray(reference_scores)
    rows = check_rows(labels, runs[0] if runs.ndim == 2 else runs, groups, group_names, clusters, weights)
    fixed = others.ndim == 1
    return replicate_rows(rows, runs, others[None] if fixed else others, reference, seeds, fixed, options)


def replicate_rows(
    rows: ScoredRows,
    scores: np.ndarray,
    reference_scores: np.ndarray,
    reference: str,
    seeds: Sequence[int],
    fixed: bool,
    options: AuditOptions,
    folds: np.ndarray | None = None,
) -> Replication:
    """Compare on checked rows, see `replicate`; `fixed`: the one row of `reference_scores` is a given model.

    With `folds`, [n], a run is one model for each fold, and rows, without weights, rank among those of their fold.
    """
    sides = []
    for name, own, least in (("scores", scores, LEAST), ("reference_scores", reference_scores, 1 if fixed else LEAST)):
        if own.ndim != 2 or len(own) < least or own.shape[1] != len(rows.labels):
            raise FairTuneError(
                f"`{name}` has shape {own.shape}; pass one row a training run, {least} or more, with a score for each "
                f"of the {len(rows.labels)} rows."
            )
        sides.append(np.stack([check_scores(run, name) for run in own]))
    kept = rows.counting()
    if kept is not None:
        rows, sides = rows.weighed(), [own[:, kept] for own in sides]
    included = included_codes(rows.group_names, options.exclude)
    resampled, level = ResampledRows(rows, included, None, options.confidence), options.confidence
    judge = _Judge(
        resampled,
        TrainingRuns.of(rows, sides[0], folds=folds),
        TrainingRuns.of(rows, sides[1], fixed, folds),
        _alike(rows, sides),
    )
    moved = sum(resampled.estimable(code) and not judge.alike[code] for code in included)
    groups = []
    for code, name in enumerate(rows.group_names):
        positives, negatives, n = resampled.counts[code].tolist()
        status, reasons = resampled.status[code], resampled.grounds(code)
        if code in included:
            auc, fall = judge.group(code, 1 - (1 - level) / max(moved, 1), JOINT)
        else:
            auc, fall = judge.group(code, level)[0], NAN
            reasons += (Reason("excluded"),)
        groups.append(GroupContrast(name, n, positives, negatives, status, reasons, auc, fall))
    gap = judge.across(gap=True)
    positives, negatives, n = resampled.counts[ALL].tolist()
    changes = [(groups[code].auc.change.mean, groups[code].fall) for code in included]
    return Replication(
        baseline=reference,
        seeds=list(seeds) or list(range(len(scores))),
        fixed=fixed,
        confidence=float(level),
        n=n,
        positives=positives,
        negatives=negatives,
        excluded=resampled.excluded,
        auc=judge.group(ALL, level)[0],
        min_group_auc=judge.across(gap=False),
        auc_gap=gap,
        groups=groups,
        margin=float(options.margin),
        verdict=classify(changes, gap.change.mean, options.margin),
    )


def _alike(rows: ScoredRows, sides: Sequence[np.ndarray]) -> list[bool]:
    """Tell of each group and, last, of all rows whether every run of both methods ranks its rows alike."""
    found, runs = [], np.concatenate(sides)
    for kept in (*(rows.groups == code for code in range(len(rows.group_names))), rows.groups >= 0):
        ranks = rankdata(runs[:, kept], axis=1)
        found.append(bool((ranks == ranks[0]).all()))
    return found


@dataclass(frozen=True)
class _Judge:
    """What two methods' numbers on the same rows show; `alike` as of `_alike`."""

    resampled: ResampledRows
    model: TrainingRuns
    reference: TrainingRuns
    alike: Sequence[bool]

    def group(self, code: int, level: float, method: str = REPEATED) -> tuple[Contrast, float]:
        """Judge the AUCs of a group, or of `ALL` rows, the change at a `level` of its own; and how far it may fall."""
        own, blind = self.resampled, []
        few = own.few(code, least=1, needs=BOTH) or (() if own.estimable(code) else own.few(code))
        both = self.model.group(code), self.reference.group(code)
        for number in both:
            low, high = NAN, NAN
            if not np.isnan(number.runs).any():
                low, high = newcombe_interval(float(number.runs.mean()), *own.worth[code, :2].tolist())
            blind.append(((high - low) / 2 / float(ndtri(0.975))) ** 2)
        freedom, confidence = self._freedom([code]), own.confidence
        sides = [Spread.of(one, None, own.rows, freedom, error) for one, error in zip(both, blind, strict=True)]
        change = Spread.of(*both, own.rows, freedom, 0.0 if self.alike[code] else sum(blind))
        first, second = (_repeated(*side, confidence, REPEATED, few) for side in zip(sides, both, strict=True))
        fall = NAN if few else min(1.0, max(0.0, change.off(confidence) - change.value))
        return Contrast(first, second, _repeated(change, None, level, method, few)), fall

    def across(self, gap: bool) -> Contrast:
        """Judge the lowest AUC of the groups or, with `gap`, the gap; where nothing varies there is no interval."""
        own, found = self.resampled, list[Repeated]()
        few = own.short(BOTH, 1) or own.short(BOTH, ESTIMABLE)
        if len(own.included) < 1 + gap:
            few = [Reason("too_few_groups", count=len(own.included))]
        first, second = self.model.across(own.included, gap), self.reference.across(own.included, gap)
        for number, minus in ((first, None), (second, None), (first, second)):
            spread = Spread.of(number, minus, own.rows, self._freedom(own.included), 0.0)
            reasons = few or ([] if spread.sampling + spread.training else [Reason("equal_values")])
            found.append(_repeated(spread, None if minus else number, own.confidence, REPEATED, reasons))
        return Contrast(*found)

    def _freedom(self, codes: Sequence[int]) -> float:
        """Return the degrees of freedom of the rows' variance: independent cases of the scarcest class, less 1."""
        rows, found = self.resampled.rows, math.inf
        for code in codes:
            if rows.clusters is None:
                found = min(found, float(self.resampled.units[code, :2].min()) - 1)
            else:
                kept = rows.groups == code if code != ALL else rows.groups >= 0
                found = min(found, auc_degrees(rows.labels[kept], rows.clusters[kept], rows.take(kept).weights))
        return max(found, 1.0)


def _repeated(spread: Spread, number: Number | None, level: float, method: str, reasons: Sequence[Reason]) -> Repeated:
    """Give a mean over runs its interval, unless `reasons` forbid it; the runs of a change are not paired."""
    half, value, reasons = spread.off((1 + level) / 2), spread.value, tuple(reasons)
    mean = undefined(method, *reasons) if math.isnan(value) else point(value, method, *reasons)
    if mean.defined and not reasons:
        mean = Estimate(value, max(0.0 if number else -1.0, value - half), min(1.0, value + half), method)
    runs = [] if number is None else number.runs.tolist()
    return Repeated(mean, runs, math.sqrt(spread.training), math.sqrt(spread.sampling))
