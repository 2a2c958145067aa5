"""A model against a reference on the same rows: what changed, overall and for each group."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit
from scipy.stats import t as student

from ..document.comparison import MARGIN, Comparison, GroupChange
from ..document.estimate import NAN, Estimate, Reason, undefined
from ..errors import FairTuneError
from .audit import AuditOptions
from .engine.bands import Bounds
from .engine.bootstrap import bootstrap
from .engine.delong import ROUNDING, auc, paired_delong
from .engine.paired_rows import PAIRED_DELONG, PairedRows, minimum_change, range_change, still
from .engine.resampled_rows import ALL, BOTH, ResampledRows
from .engine.rows import ScoredRows, check_rows, check_scores, included_codes
from .metrics.auc_gap import LOWEST, RANGE, auc_errors, extremes
from .power import power_of
from .threshold_changes import Cuts, compare_threshold
from .thresholds import decide
from .verdict import JOINT, classify, joint_changes


def compare(
    labels: ArrayLike,
    scores: ArrayLike,
    reference_scores: ArrayLike,
    groups: ArrayLike,
    group_names: Sequence[str],
    *,
    thresholds: Sequence[Cuts] = (),
    clusters: Sequence[object] | np.ndarray | None = None,
    weights: ArrayLike | None = None,
    exclude: Sequence[str] = (),
    n_boot: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
    margin: float = MARGIN,
) -> Comparison:
    """Compare a model with a reference on one whole split: every number is model minus reference.

    Both are resampled together, so that what they share cancels. Intervals of AUCs are percentiles of the paired
    replicates, with clusters Student's t on effective ones; those of group rates Bonett & Price's, with clusters on
    effective rows; those of the lowest AUC, the gap and the differences sup-t bands (see `maximum_change`), where
    percentiles would fail.

    Args:
        labels: 0 or 1, [n]; 1 is the finding to detect.
        scores: of the model, finite, [n]; higher means more likely 1.
        reference_scores: of the reference, for the same rows in the same order, [n].
        groups: codes of `group_names`, [n].
        group_names: name of each code, [n_groups].
        thresholds: a cut, or decisions, of the model with one of the reference's, chosen in the same way.
        clusters: id of each row's cluster (the patient), [n]; None where rows are independent.
        weights: see `audit`.
        exclude: see `AuditOptions`, as `n_boot`, `seed`, `confidence` and `margin`.

    Raises:
        FairTuneError: the rows do not fit together, the two cuts of a pair were chosen differently, or one was fitted
            on these very rows.
    """
    options = AuditOptions(exclude, n_boot, 0, seed, confidence, margin)
    rows = check_rows(labels, scores, groups, group_names, clusters, weights)
    return compare_rows(rows, reference_scores, thresholds, options)


def compare_rows(
    rows: ScoredRows, reference_scores: ArrayLike, thresholds: Sequence[Cuts], options: AuditOptions
) -> Comparison:
    """Compare on checked rows. Arguments as for `compare`."""
    others, groups = check_scores(reference_scores, "reference_scores"), []
    if others.shape != rows.scores.shape:
        raise FairTuneError(
            f"`reference_scores` has shape {others.shape} for {len(rows.scores)} rows; "
            "score the same rows with both models, in the same order."
        )
    both = (rows, replace(rows, scores=others))
    decisions = [decide([pair[side] for pair in thresholds], own) for side, own in enumerate(both)]
    kept = rows.counting()
    if kept is not None:
        # Clusters are numbered by the content of the model's rows, for both.
        decisions, rows, others = [own[:, kept] for own in decisions], rows.weighed(), others[kept]
        both = (rows, replace(rows, scores=others))
    replicates = bootstrap(both, decisions, options.n_boot, options.seed) if options.n_boot else [None, None]
    included = included_codes(rows.group_names, options.exclude)
    sides = zip(both, replicates, strict=True)
    paired = PairedRows(*(ResampledRows(own, included, draws, options.confidence) for own, draws in sides))
    model, ((*by_group, overall), lowest, gap, blind) = paired.model, auc_changes(paired)
    joint = joint_changes(paired, [change.value for change in by_group], blind)
    for code, change in enumerate(by_group):
        positives, negatives, n = model.counts[code].tolist()
        reasons = model.grounds(code) + (() if code in model.included else (Reason("excluded"),))
        status, p = model.status[code], paired_p(paired, code)
        together, fall = joint.get(code, (undefined(JOINT.format(PAIRED_DELONG), Reason("excluded")), NAN))
        groups.append(
            GroupChange(rows.group_names[code], n, positives, negatives, status, reasons, change, p, together, fall)
        )
    both_decide = np.stack(decisions, axis=1)
    cuts = [compare_threshold(paired, pair, both_decide[place], place) for place, pair in enumerate(thresholds)]
    positives, negatives, n = model.counts[ALL].tolist()
    changes = [(groups[code].joint, groups[code].fall) for code in model.included]
    return Comparison(
        confidence=float(options.confidence),
        n_boot=int(options.n_boot),
        seed=int(options.seed),
        clusters=model.n_clusters,
        n=n,
        positives=positives,
        negatives=negatives,
        excluded=model.excluded,
        auc=overall,
        p=paired_p(paired, ALL),
        min_group_auc=lowest,
        auc_gap=gap,
        groups=groups,
        thresholds=cuts,
        margin=float(options.margin),
        verdict=classify(changes, gap, options.margin),
        power=power_of(rows, others, model.included, float(options.confidence)),
    )


def auc_changes(paired: PairedRows) -> tuple[list[Estimate], Estimate, Estimate, np.ndarray]:
    """Judge the changes of the AUC of every group, excluded ones too, and of all rows; of the lowest, and of the gap.

    The lowest AUC may be another group's. Last come the standard errors of the included groups' changes by Newcombe's
    interval, which keeps a width at an AUC of 1, [n_included].
    """
    model, kept, changes = paired.model, list(paired.model.included), []
    values = np.empty((2, len(model.units)))
    for side, own in enumerate((model, paired.reference)):
        for code in range(ALL, len(model.rows.group_names)):
            part = own.inside(code)
            values[side, code] = auc(part.labels, part.scores, part.weights)
    errors, draws = np.stack([auc_errors(model, own) for own in values]), paired.draws(attrgetter("auc"))
    for code, (first, second) in enumerate(values.T.tolist()):
        change = paired.change(first - second, None if draws is None else draws[..., code], code)
        changes.append(change if model.rows.clusters is None else _by_clusters(paired, change, code))

    def bound(change: Callable[..., Bounds], drawn: np.ndarray) -> Bounds:
        # An AUC of 1 stays 1 in every resample; Newcombe's interval keeps a width there.
        blind = np.hypot(*np.where(still(drawn), errors, 0.0))
        return change(values[:, None, kept], blind, model.confidence, drawn)

    one, other = (extremes(own[:-1], kept) for own in values)
    moved = None if draws is None else draws[:, :, None, kept]
    lowest = model.across(
        one.minimum - other.minimum, BOTH, f"change of {LOWEST}", moved, partial(bound, minimum_change)
    )
    gap = model.across(one.gap - other.gap, BOTH, f"change of {RANGE}", moved, partial(bound, range_change))
    return changes, lowest, gap, np.hypot(*errors)[0]


def _by_clusters(paired: PairedRows, found: Estimate, code: int) -> Estimate:
    """Give the change of an AUC Student's interval on effective clusters, unless they are few or it never varies."""
    variance = paired.auc_variance(code) if paired.model.estimable(code) else NAN
    if not variance > ROUNDING:
        return found
    half = float(stdtrit(paired.degrees(code), (1 + paired.model.confidence) / 2)) * math.sqrt(variance)
    low, high = max(-1.0, found.value - half), min(1.0, found.value + half)
    return Estimate(found.value, low, high, f"{paired.method}, t quantile")


def paired_p(paired: PairedRows, code: int) -> float:
    """Compute the two-sided p that model and reference have the same AUC, not adjusted for the number of groups.

    DeLong's paired test for independent rows; with clusters, or weights, a t test with Obuchowski's variance on
    effective ones. NaN with fewer than 10 independent positives or negatives, and where nothing varies.
    """
    rows, other, kept = paired.model.rows, paired.reference.rows, paired.inside(code)
    if not paired.model.estimable(code):
        return NAN
    difference, _, p = paired_delong(rows.labels[kept], rows.scores[kept], other.scores[kept])
    if rows.clusters is None:
        return p
    variance = paired.auc_variance(code)
    if not variance > ROUNDING:
        return p if p == 1 else NAN
    if rows.weights is not None:
        first, second = rows.take(kept), other.take(kept)
        difference = auc(first.labels, first.scores, first.weights) - auc(first.labels, second.scores, first.weights)
    return float(2 * student.sf(abs(difference) / math.sqrt(variance), paired.degrees(code)))
