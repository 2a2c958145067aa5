"""AUCs of one method in several training runs: what numbers made of them owe to training, and what to the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from ..document.estimate import NAN
from .engine.auc_influence import auc_influence, spread
from .engine.delong import ROUNDING
from .engine.fold_influence import fold_auc_influence
from .engine.rows import ScoredRows
from .metrics.auc_gap import extremes


@dataclass(frozen=True)
class Number:
    """A number made of AUCs: its value in each run, [k], and the mean influence of each row, [n].

    `fixed` tells that the one run is a given model, which is not trained again.
    """

    runs: np.ndarray
    influence: np.ndarray
    fixed: bool


@dataclass(frozen=True)
class TrainingRuns:
    """AUCs of groups and, last, of all rows in each run, [k, n_groups + 1], and how rows move them, [..., n]."""

    aucs: np.ndarray
    influences: np.ndarray
    fixed: bool

    @classmethod
    def of(
        cls, rows: ScoredRows, scores: np.ndarray, fixed: bool = False, folds: np.ndarray | None = None
    ) -> TrainingRuns:
        """Score the rows by each run, [k, n]; rows rank among those of their fold, [n], where there are folds."""
        parts = [*(rows.groups == code for code in range(len(rows.group_names))), rows.groups >= 0]
        if folds is None:
            found = [[auc_influence(rows, run, part) for part in parts] for run in scores]
        else:
            found = [[fold_auc_influence(rows, run, part, folds) for part in parts] for run in scores]
        aucs = np.array([[value for value, _ in run] for run in found])
        return cls(aucs, np.array([[influence for _, influence in run] for run in found]), fixed)

    def group(self, code: int) -> Number:
        """Return the AUC of a group; -1 for all rows."""
        weights = np.zeros_like(self.aucs)
        weights[:, code] = 1
        return self._weighed(weights)

    def across(self, included: Sequence[int], gap: bool) -> Number:
        """Return the lowest AUC of the groups in each run or, with `gap`, how far the highest is above it."""
        weights = np.zeros_like(self.aucs)
        for run, aucs in enumerate(self.aucs):
            found = extremes(aucs[:-1], included)
            if found.worst is None or found.best is None:
                weights[run] = NAN
                continue
            weights[run, found.best] += gap
            weights[run, found.worst] += -1 if gap else 1
        return self._weighed(weights)

    def _weighed(self, weights: np.ndarray) -> Number:
        """Weigh the AUCs, [k, n_groups + 1]; one without a weight may be undefined."""
        runs = np.where(weights != 0, weights * self.aucs, 0.0).sum(axis=1)
        moved = np.where(weights[..., None] != 0, weights[..., None] * self.influences, 0.0).sum(axis=1)
        return Number(runs, moved.mean(axis=0), self.fixed)


@dataclass(frozen=True)
class Spread:
    """A mean over runs, the variances of rows and of training in it, and the degrees of freedom of their sum."""

    value: float
    sampling: float
    training: float
    freedom: float

    @classmethod
    def of(cls, number: Number, minus: Number | None, rows: ScoredRows, freedom: float, blind: float) -> Spread:
        """Find the variances of a number, or of one minus another.

        `freedom` is that of the rows' variance, for which `blind` stands where none is seen. What a run makes of
        single rows is in both variances, so that their sum is a little large. Degrees of freedom: the square of the
        sum over the sum of squares, each by its own.

        Source: Satterthwaite 1946, "An approximate distribution of estimates of variance components".
        """
        parts, value, influence = [number], float(number.runs.mean()), number.influence
        if minus is not None:
            parts.append(minus)
            value, influence = value - float(minus.runs.mean()), influence - minus.influence
        sampling = spread(influence, rows.clusters) ** 2
        sampling = blind if sampling <= ROUNDING else sampling
        variances, degrees = [sampling], [freedom]
        for part in parts:
            if not part.fixed:
                variances.append(float(part.runs.var(ddof=1)) / len(part.runs))
                degrees.append(len(part.runs) - 1)
        total, below = sum(variances), float(np.square(variances) @ np.reciprocal(degrees, dtype=float))
        return cls(value, sampling, sum(variances[1:]), total**2 / below if below > 0 else math.inf)

    def off(self, probability: float) -> float:
        """Return how far the value may be off with that probability, one-sided."""
        error = math.sqrt(self.sampling + self.training)
        return error * float(stdtrit(self.freedom, probability)) if error else 0.0
