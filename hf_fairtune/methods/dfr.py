"""DFR, deep feature reweighting (Kirichenko et al., ICLR 2023): retrain the last layer on group-balanced data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..families.head import is_multi_label
from .facts import Facts, View
from .features import features_of, head_alone, write_head
from .method import Method, Needs, StageRecord, flag
from .softmax_fit import fit_softmax

# Inverse strengths of the L1 penalty that are tried, as published.
GRID = (1.0, 0.7, 0.3, 0.1, 0.07, 0.03, 0.01)
# Weights and bias of the log-odds, [d] and a number; of more classes of the logits, [d, classes] and [classes].
Line = tuple[np.ndarray, float | np.ndarray]


@dataclass(frozen=True)
class Features:
    """What the head reads of some rows: standardised, float64 [n, d]; their labels and group x label cells, [n]."""

    values: np.ndarray
    labels: np.ndarray
    cells: np.ndarray

    def take(self, rows: np.ndarray) -> Features:
        """Return some of the rows."""
        return Features(self.values[rows], self.labels[rows], self.cells[rows])

    def worst_accuracy(self, line: Line) -> float:
        """Return the lowest accuracy of a cell."""
        scores = self.values @ line[0] + line[1]
        right = (scores > 0 if scores.ndim == 1 else scores.argmax(1)) == self.labels
        return float(min(right[self.cells == cell].mean() for cell in np.unique(self.cells)))


@dataclass(kw_only=True)
class Dfr(Method):
    """Fit the head by L1 logistic regression on cached features of equally many rows of each group and label.

    The strength with the best worst cell on validation is taken, the fits of several draws are averaged, and nothing
    but the head changes.
    """

    title: ClassVar[str] = "DFR"
    citation: ClassVar[str] = """\
@inproceedings{kirichenko2023last,
  title = {Last Layer Re-Training is Sufficient for Robustness to Spurious Correlations},
  author = {Polina Kirichenko and Pavel Izmailov and Andrew Gordon Wilson},
  booktitle = {International Conference on Learning Representations},
  year = {2023}
}"""
    needs: ClassVar[Needs] = Needs(attribute_at_train=True, attribute_at_validation=True, original_training_data=False)
    trains: ClassVar[str] = "the head alone, without gradient steps"
    takes_mask: ClassVar[bool] = False
    views: ClassVar[Mapping[str, View]] = MappingProxyType(
        {"train": View(augmented=True), "pool": View("train"), "validation": View("validation")}
    )

    draws: int = flag(10, "Group-balanced draws whose fits are averaged.")
    facts: Facts = field(default_factory=Facts, init=False, repr=False, compare=False)
    fitted: dict[str, Scalar] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse options that would have no effect."""
        self.refuse_options()
        if self.draws < 1:
            raise FairTuneError(f"`draws` is {self.draws}; give 1 or more.")

    def arguments(self) -> dict[str, Scalar]:
        """Return that no gradient step is taken."""
        return {"num_train_epochs": 0}

    def own_rows(self) -> str:
        """Say what is drawn for the fits."""
        return "equally many of every group and label"

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Freeze all but the head.

        Raises:
            FairTuneError: the model tells of several findings.
        """
        if is_multi_label(model):
            raise FairTuneError(
                f"{self.name} draws equally many rows of each label, but here a row has several; choose another "
                "method, such as groupdro or swift."
            )
        self.facts = facts
        return head_alone(model, facts.head)

    def finish(self, model: Any) -> None:
        """Fit the head and write it into the model."""
        pool, validation = (self._features(model, view) for view in ("pool", "validation"))
        center, spread = pool.values.mean(0), pool.values.std(0)
        spread[spread == 0] = 1
        pool, validation = (replace(f, values=(f.values - center) / spread) for f in (pool, validation))
        draws = [pool.take(self._balanced(pool.cells, draw)) for draw in range(self.draws)]
        strength = max(GRID, key=lambda strength: validation.worst_accuracy(fit(draws[0], strength)))
        fits = [fit(draw, strength) for draw in draws]
        weights, bias = (np.mean(parts, axis=0) for parts in zip(*fits, strict=True))
        accuracy = validation.worst_accuracy((weights, bias))
        self.fitted = {"inverse_l1": strength, "rows_a_draw": len(draws[0].labels), "worst_cell_accuracy": accuracy}
        raw = weights.T / spread
        write_head(model, self.facts.head, torch.as_tensor(raw), torch.as_tensor(bias - raw @ center))

    def record(self) -> StageRecord:
        """Return the strength taken, the rows of a draw and the accuracy of the worst cell on validation."""
        return StageRecord(self.fitted)

    def _features(self, model: Any, view: str) -> Features:
        """Run the rows of a view through the model once, and keep what the head reads."""
        inputs, labels, groups = (part.numpy() for part in features_of(model, self.facts, view))
        return Features(inputs, labels, groups * self.facts.n_classes + labels)

    def _balanced(self, cells: np.ndarray, draw: int) -> np.ndarray:
        """Draw as many rows of every cell as the smallest has."""
        counts = np.bincount(cells, minlength=self.facts.n_classes * self.facts.n_groups)
        if not counts.all():
            raise FairTuneError(f"{self.name} needs rows of every group with every label; add rows, or merge groups.")
        rows = np.random.default_rng([self.facts.seed, draw]).permutation(len(cells))
        return np.concatenate([rows[cells[rows] == cell][: counts.min()] for cell in range(len(counts))])


def fit(features: Features, strength: float) -> Line:
    """Minimise |w|_1 + strength * sum of log(1 + exp(-y (w x + b))), y = ±1; return w and b.

    Of more than two classes the sum is that of the softmax's cross-entropy.
    """
    if features.labels.max() > 1:
        return fit_softmax(features.values, features.labels, strength)
    x, sign = features.values, 2 * features.labels - 1
    d = x.shape[1]

    def objective(parts: np.ndarray) -> tuple[float, np.ndarray]:
        # w is a difference of two non-negative vectors, so that the objective is smooth within its bounds.
        z = sign * (x @ (parts[:d] - parts[d:-1]) + parts[-1])
        slope = -strength * sign * expit(-z)
        gradient = slope @ x
        value = parts[:-1].sum() + strength * np.logaddexp(0, -z).sum()
        return value, np.concatenate([1 + gradient, 1 - gradient, [slope.sum()]])

    bounds = [(0, None)] * (2 * d) + [(None, None)]
    parts = minimize(objective, np.zeros(2 * d + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return parts[:d] - parts[d:-1], float(parts[-1])


METHOD = Dfr
