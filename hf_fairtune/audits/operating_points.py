"""Each group at its own cut: sensitivity at a wanted specificity, and specificity at a wanted sensitivity."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..intervals.bootstrap import percentile_interval
from ..intervals.estimate import NAN, Estimate, undefined
from ..intervals.own_cut import Side, clustered_draws, own_cut_draws, resamples_for
from ..intervals.resampling import plan
from ..metrics.rates import OperatingPoint, check_target
from ..metrics.rows import Rows
from ..metrics.sensitivity_at_specificity import sensitivity_at_specificity
from ..metrics.specificity_at_sensitivity import specificity_at_sensitivity
from .evidence import NOT_ASKED, Evidence
from .guards import Guard, overall_guard

# The class that sets the cut, the sign under which the other class lies above it, and the metric.
CRITERIA: dict[str, tuple[int, int, Callable[[np.ndarray, np.ndarray, float], OperatingPoint]]] = {
    "sensitivity at specificity": (0, 1, sensitivity_at_specificity),
    "specificity at sensitivity": (1, -1, specificity_at_sensitivity),
}
METHOD = "cut chosen on these same rows, hence optimistic; percentile bootstrap that chooses it anew"


@dataclass(frozen=True)
class GroupPoint:
    """A group at its own cut: the rate, the other rate as achieved, and the cut, which is never to be used as one."""

    group: str
    value: Estimate
    achieved: float
    threshold: float


@dataclass(frozen=True)
class OperatingPoints:
    """The whole split ("overall") and every group at a wanted specificity or sensitivity, `target`."""

    criterion: str
    target: float
    groups: list[GroupPoint]


def audit_operating_points(
    evidence: Evidence, targets: Sequence[float] = (0.9,), seed: int = 0
) -> list[OperatingPoints]:
    """Read every group's sensitivity and specificity off its own ROC, at achieved points.

    Intervals are of a bootstrap that chooses the cut anew, of rows or, where there are clusters, of whole clusters;
    with very many clustered rows it has fewer resamples, and the method says how many.

    Args:
        targets: specificities and sensitivities wanted, each above 0 and up to 1.
        seed: of the bootstrap.

    Raises:
        FairTuneError: a target is no such share.
    """
    asked = [(criterion, check_target(criterion, target)) for target in targets for criterion in CRITERIA]
    rows = evidence.rows
    parts = [np.arange(len(rows.labels)), *(np.flatnonzero(rows.groups == g) for g in range(len(rows.group_names)))]
    n_boot = 0 if evidence.replicates is None else len(evidence.replicates.auc)
    draws = _draws(rows, parts, asked, n_boot, seed)
    return [
        OperatingPoints(
            criterion,
            float(target),
            [
                _point(evidence, place, part, (criterion, target), draws.get((criterion, target, place)))
                for place, part in enumerate(parts)
            ],
        )
        for criterion, target in asked
    ]


def _draws(
    rows: Rows, parts: list[np.ndarray], asked: list[tuple[str, float]], n_boot: int, seed: int
) -> dict[tuple[str, float, int], np.ndarray]:
    """Draw each question's replicates, by criterion, target and place of the part; none where a class is missing."""
    both = [place for place, part in enumerate(parts) if len(np.unique(rows.labels[part])) > 1]
    keys = [(criterion, target, place) for criterion, target in asked for place in both] if n_boot else []
    sides = [_side(rows, parts[place], criterion) for criterion, _, place in keys]
    if rows.clusters is None or not keys:
        return {
            key: own_cut_draws(scores[limiting], scores[other], key[1], n_boot, seed)
            for key, (scores, limiting, other) in zip(keys, sides, strict=True)
        }
    resampling = plan(rows.groups * 2 + rows.labels, rows.clusters)
    wanted = [
        Side(limiting, other, np.searchsorted(scores[other], scores[limiting], "right"), key[1])
        for key, (scores, limiting, other) in zip(keys, sides, strict=True)
    ]
    found = clustered_draws(resampling, wanted, resamples_for(len(rows.labels), n_boot), seed)
    return dict(zip(keys, found.T, strict=True))


def _side(rows: Rows, part: np.ndarray, criterion: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores as they limit, and the places of the limiting rows and of the others, ascending by these."""
    label, sign, _ = CRITERIA[criterion]
    scores = sign * rows.scores
    ordered = part[np.argsort(scores[part], kind="stable")]
    limits = rows.labels[ordered] == label
    return scores, ordered[limits], ordered[~limits]


def _point(
    evidence: Evidence, place: int, part: np.ndarray, asked: tuple[str, float], draws: np.ndarray | None
) -> GroupPoint:
    rows, (criterion, target) = evidence.rows, asked
    name = rows.group_names[place - 1] if place else "overall"
    found = CRITERIA[criterion][2](rows.labels[part], rows.scores[part], target)
    state = evidence.guards[place - 1] if place else overall_guard(rows)
    return GroupPoint(name, _estimate(evidence, found.value, state, draws), found.achieved, found.threshold)


def _estimate(evidence: Evidence, value: float, state: Guard, draws: np.ndarray | None) -> Estimate:
    if math.isnan(value):
        return undefined(METHOD, state.reason or "a class is missing")
    if state.status == "not estimable":
        return Estimate(value, NAN, NAN, METHOD, f"no interval: {state.reason}")
    if draws is None:
        return Estimate(value, NAN, NAN, METHOD, NOT_ASKED)
    of = "rows" if evidence.rows.clusters is None else "clusters"
    low, high, reason = percentile_interval(draws, evidence.confidence)
    return Estimate(value, low, high, f"{METHOD}, {len(draws)} resamples of {of}", reason)
