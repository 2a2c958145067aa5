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

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ...document.audit import AucGap, MinGroupAuc, Pair
from ...document.estimate import NAN, Estimate, Reason
from ..engine.auc_tests import (
    CLUSTERED_T,
    AucTest,
    adjusted,
    auc_difference_test,
    clustered_difference_test,
    detectable_difference,
    wanted_counts,
)
from ..engine.bands import Bounds, Family, largest_range_bounds
from ..engine.bootstrap import Replicates
from ..engine.delong import mover_difference, score_error
from ..engine.permutations import GapNull, gap_null
from ..engine.resampled_rows import BOTH, ESTIMABLE, ResampledRows
from .metric import Metric

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
    "auc_difference": Metric(better="nearer", bounds=(-1.0, 1.0)),
}


class Extremes(NamedTuple):
    """Lowest and highest of the groups' values, with whose they are (codes; None where undefined)."""

    minimum: float = NAN
    maximum: float = NAN
    gap: float = NAN
    worst: int | None = None
    best: int | None = None


def extremes(values: np.ndarray, included: Sequence[int]) -> Extremes:
    """Find the minimum, maximum and gap of `values` over the groups `included`.

    Every included group counts, however small: a NaN among them makes all three NaN, none is dropped. The gap of
    a single group is NaN, not 0. Ties go to the lower code.

    Args:
        values: one a group, [n_groups].
        included: codes of the groups that take part.
    """
    chosen = np.asarray(values)[list(included)]
    if not chosen.size or np.isnan(chosen).any():
        return Extremes()
    low, high = int(chosen.argmin()), int(chosen.argmax())
    gap = float(chosen[high] - chosen[low]) if chosen.size > 1 else NAN
    return Extremes(float(chosen[low]), float(chosen[high]), gap, included[low], included[high])


def lowest_and_gap(
    resampled: ResampledRows, aucs: Sequence[Estimate], permutations: int, seed: int
) -> tuple[MinGroupAuc, AucGap]:
    """Find the lowest AUC of the included groups and the gap, with simultaneous intervals and the gap's null.

    Args:
        resampled: the rows.
        aucs: of every group, in order, and of all rows.
        permutations: of the groups, for the null; 0 for none.
        seed: of the permutations.
    """
    kept, names, level = list(resampled.included), resampled.rows.group_names, resampled.confidence
    values = np.array([item.value for item in aucs[:-1]])
    found = extremes(values, kept)
    errors = [score_error(values[code], *resampled.cases(code), level) for code in kept]
    family = Family(values[None, kept], np.array([errors]), level)

    def draw(replicates: Replicates) -> np.ndarray:
        return replicates.auc[:, None, kept]

    def bound(draws: np.ndarray) -> Bounds:
        return largest_range_bounds(family, draws)

    low = resampled.across(found.minimum, BOTH, "min over groups", draw, family.extreme)
    gap = resampled.across(found.gap, BOTH, "max - min over groups", draw, bound)
    null = GapNull()
    if gap.defined and permutations:
        rows = resampled.rows.take(np.isin(resampled.rows.groups, kept))
        null = gap_null(rows.labels, rows.scores, rows.groups, rows.clusters, permutations, seed)
    elif gap.defined:
        null = GapNull(reasons=(Reason("no_permutations"),))
    worst, best = (None if code is None else names[code] for code in (found.worst, found.best))
    extent = AucGap(
        **vars(replace(gap, reasons=gap.reasons + null.reasons)),
        best=best if found.gap > 0 else None,
        worst=worst if found.gap > 0 else None,
        null_mean=null.mean,
        null_high=null.high,
        excess=gap.value - null.mean,
        p=null.p,
        permutations=null.permutations,
    )
    return MinGroupAuc(**vars(low), group=worst), extent


def auc_pairs(resampled: ResampledRows, aucs: Sequence[Estimate]) -> list[Pair]:
    """Compare every included group with the largest estimable one; no pairs where none is estimable.

    Intervals: MOVER of the two groups' for independent rows; of the cluster bootstrap, where a cluster may lie in
    both groups, otherwise. Tests: see `auc_difference_test` and `clustered_difference_test`; p-values are adjusted by
    Holm over these pairs.

    Args:
        resampled: the rows.
        aucs: every group's AUC, and that of all rows.
    """
    reference, names = resampled.reference, resampled.rows.group_names
    if reference is None or not resampled.estimable(reference):
        return []
    found, other, value = [], resampled.cases(reference), aucs[reference].value
    for code in resampled.included:
        if code == reference:
            continue
        own, test = resampled.cases(code), _test(resampled, aucs, code, reference)
        wanted = wanted_counts(value, own, other) or (None, None)
        difference, detectable = (
            _difference(resampled, aucs, code, reference),
            detectable_difference(value, own, other),
        )
        found.append(Pair(names[code], names[reference], difference, test.p, NAN, test.method, detectable, *wanted))
    return adjusted_pairs(found, "holm")


def adjusted_pairs(pairs: Sequence[Pair], correction: str) -> list[Pair]:
    """Adjust the p-values of pairs for their number, see `adjusted`."""
    p = adjusted(np.array([pair.p for pair in pairs]), correction).tolist()
    return [replace(pair, p_adjusted=own) for pair, own in zip(pairs, p, strict=True)]


def _difference(resampled: ResampledRows, aucs: Sequence[Estimate], code: int, reference: int) -> Estimate:
    found = mover_difference(aucs[code], aucs[reference])
    if not resampled.estimable(code):
        few = resampled.few(code, BOTH, ESTIMABLE, resampled.rows.group_names[code])
        return replace(found, low=NAN, high=NAN, reasons=few)
    if resampled.rows.clusters is None:
        return found
    draws = resampled.replicates
    return resampled.percentile(found.value, draws and draws.auc[:, code] - draws.auc[:, reference])


def _test(resampled: ResampledRows, aucs: Sequence[Estimate], code: int, reference: int) -> AucTest:
    """Test a pair; NaN where there is no test, for too few cases or for want of the cluster bootstrap."""
    none, rows, draws = AucTest(NAN, None), resampled.rows, resampled.replicates
    if not resampled.estimable(code):
        return none
    if rows.clusters is None:
        first, second = (rows.take(rows.groups == one) for one in (code, reference))
        return auc_difference_test((first.labels, second.labels), (first.scores, second.scores))
    if draws is None:
        return none
    fewest = min(*resampled.cases(code), *resampled.cases(reference))
    values = aucs[code].value, aucs[reference].value
    p = clustered_difference_test(values, (draws.auc[:, code], draws.auc[:, reference]), fewest)
    return none if np.isnan(p) else AucTest(p, CLUSTERED_T)
