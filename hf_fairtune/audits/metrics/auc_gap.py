"""Gap between the groups' AUCs.

Definition: the highest minus the lowest AUC of the groups.

Range: 0 to 1; undefined where a group lacks positives or negatives, or there is one group.

Direction: lower is better, 0 where all groups' AUCs are equal.

Traps: positive even between groups that do not differ, the more so the more and the smaller they are: read it beside
what chance alone makes of it, and never compare gaps of attributes with different numbers of groups. It shrinks as
well when the best group gets worse. Which group is worst may change from sample to sample.

Citation: Dutt, Bohdal, Tsaftaris & Hospedales 2024, "FairTune: Optimizing parameter efficient fine tuning for fairness
in medical image analysis", ICLR; Phipson & Smyth 2010, "Permutation p-values should never be zero", on its test.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from ...document.audit import AucGap, MinGroupAuc, Pair
from ...document.estimate import NAN, Estimate, Reason
from ..engine.auc_tests import adjusted, auc_difference_test, detectable_difference, wanted_counts
from ..engine.bands import Family, standard_errors
from ..engine.delong import ROUNDING, mover_difference, newcombe_interval
from ..engine.permutations import GapNull, gap_null
from ..engine.resampled_rows import VALUE, ResampledRows
from .metric import Metric

LOWEST, HIGHEST, RANGE = "min over groups", "max over groups", "max - min over groups"
METRIC = Metric(better="lower")
CONVENTIONS = {
    "min_group_auc": Metric(
        better="higher",
        text="""
AUC of the worst-off group.

Definition: the lowest AUC of the groups.

Range: 0 to 1; undefined where a group lacks positives or negatives.

Direction: higher is better.

Traps: the lowest of many noisy numbers is lower than the truly lowest, the more so the smaller the groups: see the
pooled ranks and the share of resamples in which each group is the lowest. A group left out because it is too
small may be the one that is served worst.

Citation: Dutt, Bohdal, Tsaftaris & Hospedales 2024, "FairTune: Optimizing parameter efficient fine tuning for fairness
in medical image analysis", ICLR; Martinez, Bertran & Sapiro 2020, "Minimax Pareto fairness: a multi objective
perspective", ICML.
""",
    ),
    "auc_difference": Metric(better="nearer", limits=(-1.0, 1.0)),
}


class Extremes(NamedTuple):
    """Lowest and highest of the groups' values, with whose they are (codes; None where undefined)."""

    minimum: float = NAN
    maximum: float = NAN
    gap: float = NAN
    worst: int | None = None
    best: int | None = None


def extremes(values: np.ndarray, included: Sequence[int]) -> Extremes:
    """Find the minimum, maximum and gap of `values`, [n_groups], over the groups `included`, by code.

    Every included group counts, however small: a NaN among them makes all three NaN, none is dropped. The gap of
    a single group is NaN, not 0. Ties go to the lower code.
    """
    chosen = np.asarray(values)[list(included)]
    if not chosen.size or np.isnan(chosen).any():
        return Extremes()
    low, high = int(chosen.argmin()), int(chosen.argmax())
    gap = float(chosen[high] - chosen[low]) if chosen.size > 1 else NAN
    return Extremes(float(chosen[low]), float(chosen[high]), gap, included[low], included[high])


def worst_and_gap(
    resampled: ResampledRows,
    metric: Metric,
    values: np.ndarray,
    draws: np.ndarray | None,
    errors: np.ndarray,
    varying: Sequence[str] = (),
) -> tuple[Extremes, Estimate, Estimate]:
    """Judge the worst of the included groups' numbers, [n_groups], and their gap, with simultaneous intervals.

    Draws are [n_boot, n_groups + 1]; for errors, [1, n_included], and `varying` see `Family` and `from_draws`.
    """
    kept, highest = list(resampled.included), metric.better == "lower"
    found, family = extremes(values, kept), Family(values[None, kept], errors, resampled.confidence, metric.limits)
    drawn, bound = None if draws is None else draws[:, None, kept], partial(family.extreme, highest=highest)
    value, convention = (found.maximum, HIGHEST) if highest else (found.minimum, LOWEST)
    worst = resampled.across(value, metric.needs, convention, drawn, bound, varying)
    return found, worst, resampled.across(found.gap, metric.needs, RANGE, drawn, family.gap, varying)


def auc_errors(resampled: ResampledRows, values: np.ndarray) -> np.ndarray:
    """Read a standard error of each included group's AUC off Newcombe's interval, which keeps a width at an AUC of 1.

    AUCs [n_groups] -> errors [1, n_included]; NaN for no AUC.
    """
    errors, level = np.full((1, len(resampled.included)), np.nan), resampled.confidence
    for place, code in enumerate(resampled.included):
        positives, negatives, _ = resampled.worth[code].tolist()
        if not np.isnan(values[code]):
            low, high = newcombe_interval(float(values[code]), positives, negatives, level)
            errors[0, place] = (high - low) / 2 / ndtri((1 + level) / 2)
    return errors


def lowest_and_gap(
    resampled: ResampledRows, aucs: Sequence[Estimate], permutations: int, seed: int
) -> tuple[MinGroupAuc, AucGap]:
    """Find the lowest AUC of the included groups and the gap, with simultaneous intervals and the gap's null.

    `aucs` are those of every group and, last, of all rows; 0 `permutations` for no null.
    """
    names, known = resampled.rows.group_names, resampled.replicates
    values, draws = np.array(list(map(VALUE, aucs))), None if known is None else known.auc
    errors = standard_errors(aucs, resampled.confidence)[None, list(resampled.included)]
    lowest = CONVENTIONS["min_group_auc"]
    found, low, gap = worst_and_gap(resampled, lowest, values, draws, errors)
    null = GapNull()
    parts = list(map(resampled.inside, resampled.included))
    if gap.defined and permutations and (resampled.grouped or any(part.weights is not None for part in parts)):
        from ..engine.clustered_null import clustered_gap_null  # only where there are clusters or weights

        null = clustered_gap_null(parts, permutations, seed)
    elif gap.defined and permutations:
        rows = resampled.rows.take(np.isin(resampled.rows.groups, resampled.included))
        null = gap_null(rows.labels, rows.scores, rows.groups, permutations, seed)
    elif gap.defined:
        null = GapNull(reasons=(Reason("no_permutations"),))
    extent = AucGap(
        **vars(replace(gap, reasons=gap.reasons + null.reasons)),
        best=names[found.best] if found.best is not None and found.gap > 0 else None,
        worst=names[found.worst] if found.worst is not None and found.gap > 0 else None,
        null_mean=null.mean,
        null_high=null.high,
        excess=gap.value - null.mean,
        p=null.p,
        permutations=null.permutations,
    )
    return MinGroupAuc(**vars(low), group=None if found.worst is None else names[found.worst]), extent


def auc_pairs(resampled: ResampledRows, aucs: Sequence[Estimate]) -> list[Pair]:
    """Compare every included group with the reference; no pairs where none was named and none is estimable.

    Intervals: MOVER of the two groups', with the correlation of their AUCs where clusters may lie in both. Tests: see
    `auc_difference_test`; p-values are adjusted by Holm over these pairs.
    """
    reference, found = resampled.reference, []
    if reference is None or not (resampled.named or resampled.estimable(reference)):
        return []
    for code in resampled.included:
        if code != reference:
            found.append(_pair(resampled, aucs, code, reference))
    return adjusted_pairs(found, "holm")


def adjusted_pairs(pairs: Sequence[Pair], correction: str) -> list[Pair]:
    """Adjust the p-values of pairs for their number, see `adjusted`."""
    found, p = [], adjusted(np.array(list(map(attrgetter("p"), pairs))), correction)
    for pair, own in zip(pairs, p.tolist(), strict=True):
        found.append(replace(pair, p_adjusted=own))
    return found


def _pair(resampled: ResampledRows, aucs: Sequence[Estimate], code: int, reference: int) -> Pair:
    """Compare two groups; p is NaN where there is no test, for too few cases."""
    names, cases = resampled.rows.group_names, resampled.worth[[code, reference], :2].tolist()
    first, second, correlation, clusters = resampled.inside(code), resampled.inside(reference), 0.0, None
    p, method, few = NAN, None, tuple[Reason, ...]()
    for one in (code, reference):
        few += () if resampled.estimable(one) else resampled.few(one, group=names[one])
    weights = first.weights, second.weights
    beside = resampled.grouped or weights[0] is not None or weights[1] is not None
    if first.clusters is not None and second.clusters is not None and beside and not few:
        from ..engine.clusters import auc_covariances  # only where there are clusters or weights

        clusters = first.clusters, second.clusters
        samples = [(first.labels, first.scores, first.clusters), (second.labels, second.scores, second.clusters)]
        both = auc_covariances(samples, weights)
        spread = math.sqrt(both[0, 0] * both[1, 1])
        correlation = float(both[0, 1]) / spread if spread > ROUNDING else 0.0
    difference = mover_difference(aucs[code], aucs[reference], correlation)
    if few:
        difference = replace(difference, low=NAN, high=NAN, reasons=few)
    else:
        p, method = auc_difference_test(
            (first.labels, second.labels), (first.scores, second.scores), clusters, weights
        )
    sizes = aucs[reference].value, (cases[0][0], cases[0][1]), (cases[1][0], cases[1][1])
    wanted = wanted_counts(*sizes) or (None, None)
    return Pair(names[code], names[reference], difference, p, NAN, method, detectable_difference(*sizes), *wanted)
