"""Weights of an attribute head that keep a fairness measure at the cut 0, at the highest balanced accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

Measure = Literal["equal_opportunity", "min_sensitivity"]
# Bounds that hold where none is given: a gap at most, a sensitivity at least.
BOUNDS: dict[Measure, float] = {"equal_opportunity": 0.05, "min_sensitivity": 0.8}
# Values of a weight that are tried, and how often the grid shrinks around the best.
POINTS, ZOOMS, SHRINK, ROUNDS = 41, 3, 8.0, 10
ROUNDING = 1e-9


@dataclass(frozen=True)
class Enforced:
    """Weights by group, [n_groups]; the measure and balanced accuracy with them and with none; whether it holds."""

    weights: np.ndarray
    value: float
    value_before: float
    balanced: float
    balanced_before: float
    reached: bool


@dataclass(frozen=True)
class HeldOut:
    """Rows that weights are chosen on.

    Args:
        z: log-odds of the classifier, [n].
        h: scores of the attribute head, [n, n_groups].
        labels: 0 or 1, [n], both of which occur.
        groups: codes, [n].
        kept: codes of the groups that the measure is of, one or more; the weights of others stay 0.
    """

    z: np.ndarray
    h: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    kept: tuple[int, ...]

    def rates(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sensitivity of every kept group, [k, ...], and the balanced accuracy of logits [n, ...]."""
        found = logits > 0
        cases = self.labels == 1
        by_group = np.stack([found[cases & (self.groups == code)].mean(0) for code in self.kept])
        return by_group, (found[cases].mean(0) + 1 - found[~cases].mean(0)) / 2


def value_of(measure: Measure, sensitivities: np.ndarray) -> np.ndarray:
    """Return the largest gap between groups, or the lowest sensitivity, of [k, ...]."""
    low: np.ndarray = sensitivities.min(0)
    return sensitivities.max(0) - low if measure == "equal_opportunity" else low


def excess(measure: Measure, bound: float, values: np.ndarray) -> np.ndarray:
    """Return how far values are beyond the bound; 0 where it holds."""
    return np.maximum(values - bound if measure == "equal_opportunity" else bound - values, 0.0)


def enforce(rows: HeldOut, measure: Measure, bound: float) -> Enforced:
    """Choose the weights: the bound first, then the balanced accuracy, then the least sum of squares.

    Two groups' weights are tried together, on a grid as wide as the classifier's log-odds that shrinks around the
    best; of more groups every pair in turn, until no pair is better. Where no weights keep the bound, those that miss
    it by the least are returned.
    """
    weights = np.zeros(rows.h.shape[1])
    pairs: list[tuple[int, ...]] = [*combinations(rows.kept, 2)] or [rows.kept]
    span = float(np.abs(rows.z).max())
    for zoom in range(ZOOMS + 1):
        # An odd number of points, so that the best so far is among them.
        steps = np.linspace(-1, 1, POINTS) * span / SHRINK**zoom
        for _ in range(ROUNDS):
            before = weights
            for pair in pairs:
                weights = _best(rows, measure, bound, weights, pair, steps)
            if np.array_equal(weights, before) or len(pairs) == 1:
                break
    (own, balanced), (plain, balanced_before) = (rows.rates(rows.z + rows.h @ a) for a in (weights, 0 * weights))
    value, value_before = float(value_of(measure, own)), float(value_of(measure, plain))
    reached = bool(excess(measure, bound, np.array(value)) <= ROUNDING)
    return Enforced(weights, value, value_before, float(balanced), float(balanced_before), reached)


def _best(
    rows: HeldOut, measure: Measure, bound: float, weights: np.ndarray, codes: tuple[int, ...], steps: np.ndarray
) -> np.ndarray:
    """Return the weights with the best of all combinations of steps of some groups' weights."""
    moves = np.stack([axis.ravel() for axis in np.meshgrid(*[steps] * len(codes), indexing="ij")])
    tried = np.repeat(weights[:, None], moves.shape[1], axis=1)
    tried[list(codes)] += moves
    sensitivities, balanced = rows.rates(rows.z[:, None] + rows.h @ tried)
    missed = np.round(excess(measure, bound, value_of(measure, sensitivities)), 9)
    order = np.lexsort([(tried**2).sum(0), -np.round(balanced, 9), missed])
    return tried[:, order[0]]
