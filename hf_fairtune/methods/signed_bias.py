"""A bias with its sign, differentiable and at a threshold: what repairs by descent or by pruning move towards 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..losses.one_vs_rest import codes, log_odds
from .facts import Facts
from .logits import logits_of

CITATION = """\
@inproceedings{marcinkevics2022debiasing,
  title = {Debiasing Deep Chest X-Ray Classifiers using Intra- and Post-processing Methods},
  author = {Ricards Marcinkevics and Ece Ozkan and Julia E. Vogt},
  booktitle = {Machine Learning for Healthcare Conference},
  year = {2022}
}"""
Notion = Literal["statistical_parity", "equal_opportunity"]
# Balanced accuracy at which a model tells nothing any more.
CHANCE = 0.52
THRESHOLDS = torch.linspace(0, 1, 101, dtype=torch.float64)


def refuse_notion(bias: str) -> None:
    """Refuse a bias that has no sign to follow."""
    if bias not in ("statistical_parity", "equal_opportunity"):
        raise FairTuneError(f"`bias` is {bias!r}; choose statistical_parity or equal_opportunity.")


def sides_of(facts: Facts, name: str) -> tuple[int, ...]:
    """Return the groups that are compared with all others: of two the second, of more each one.

    Raises:
        FairTuneError: the rows that a method of that name trains on are of fewer than two groups.
    """
    present = np.flatnonzero(facts.cells.sum(1)).tolist()
    if len(present) < 2:
        raise FairTuneError(f"{name} compares groups, but its rows have {len(present)}; name groups by --group.")
    return tuple(present if len(present) > 2 else present[1:])


def cells_of(own: Tensor, groups: Tensor, side: int, notion: Notion) -> tuple[Tensor, Tensor]:
    """Return which rows a bias compares, float32 [n, classes]: 1 in the side, and 1 among the others.

    Args:
        own: of each class 1 for its rows, 0 for others, -1 where the label is missing, [n, classes].
        groups: codes, [n].
        side: code of a group.
        notion: "statistical_parity" compares all rows, "equal_opportunity" those of the class.
    """
    among, inside = own == 1 if notion == "equal_opportunity" else own >= 0, (groups == side).unsqueeze(1)
    return (among & inside).float(), (among & ~inside).float()


def contrast_weights(own: Tensor, groups: Tensor, sides: Sequence[int], notion: Notion) -> Tensor:
    """Return what each probability counts in mean of a side - mean of the others, float32 [sides, n, classes].

    Their sum with the probabilities of all rows is the signed bias (Marcinkevics et al., section 3). Where a side or
    the others have no rows that count, all are 0. The arguments are those of `cells_of`.
    """
    parts = []
    for side in sides:
        here, there = cells_of(own, groups, side, notion)
        known = (here.sum(0) > 0) & (there.sum(0) > 0)
        parts.append((here / here.sum(0).clamp(min=1) - there / there.sum(0).clamp(min=1)) * known)
    return torch.stack(parts)


def probabilities(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the probability of each class against the rest, [n, classes]; of two classes that of class 1, [n, 1]."""
    return log_odds(logits, labels).sigmoid()


@dataclass(frozen=True)
class Verdict:
    """How a model does on some rows at the thresholds of highest balanced accuracy.

    Args:
        bias: of the decisions, signed, float64 [sides, classes].
        balanced_accuracy: the mean over classes.
        unknown: biases that are 0 because a side, or the others, have no rows that count.
    """

    bias: Tensor
    balanced_accuracy: float
    unknown: int = 0

    @property
    def size(self) -> float:
        """Return the mean of the biases without their signs."""
        return float(self.bias.abs().mean())


@dataclass
class Least:
    """The least bias among models that are accurate enough; of the model as it came where none is.

    Args:
        floor: the balanced accuracy that is enough.
        before: size of the bias, and balanced accuracy, of the model as it came.
        best: those of the model that is kept.
        reached: whether that is accurate enough.
        unknown: biases without rows, as in `Verdict`.
    """

    floor: float
    before: tuple[float, float]
    best: tuple[float, float]
    reached: bool
    unknown: int

    @classmethod
    def of(cls, before: Verdict, floor: float) -> Least:
        """Begin with the model as it came."""
        found = before.size, before.balanced_accuracy
        return cls(floor, found, found, before.balanced_accuracy >= floor, before.unknown)

    def takes(self, verdict: Verdict) -> bool:
        """Tell whether a further model is better, which then is kept."""
        if verdict.balanced_accuracy < self.floor or (self.reached and verdict.size >= self.best[0]):
            return False
        self.best, self.reached = (verdict.size, verdict.balanced_accuracy), True
        return True

    def facts(self) -> dict[str, Scalar]:
        """Return both biases and balanced accuracies, whether the floor was reached, and the biases without rows."""
        return {
            "bias_before": self.before[0],
            "bias": self.best[0],
            "balanced_accuracy_before": self.before[1],
            "balanced_accuracy": self.best[1],
            "floor_reached": self.reached,
            "biases_without_rows": self.unknown,
        }


@dataclass(frozen=True)
class Judge:
    """Rows on which models are judged, with their labels and what each counts in the bias."""

    rows: Any
    labels: Tensor
    groups: Tensor
    sides: tuple[int, ...]
    notion: Notion

    @classmethod
    def of(cls, rows: Any, sides: tuple[int, ...], notion: Notion) -> Judge:
        """Read labels and groups of the rows.

        Raises:
            FairTuneError: there are none to be read before the training.
        """
        if not isinstance(rows, Dataset):
            raise FairTuneError(
                f"a bias is measured on rows with `labels` and `groups`, but they are a {type(rows).__name__}; give a "
                "`datasets.Dataset` to train on and one as `eval_dataset`."
            )
        columns = rows.with_format("numpy").select_columns(["labels", "groups"])[:]
        return cls(rows, torch.as_tensor(columns["labels"]), torch.as_tensor(columns["groups"]), sides, notion)

    def weights(self, classes: int) -> Tensor:
        """Return what the probability of each row counts in the biases, [sides, n, classes]."""
        return contrast_weights(codes(self.labels, classes), self.groups, self.sides, self.notion)

    def __call__(self, model: nn.Module) -> Verdict:
        """Judge a model."""
        return self.of_scores(probabilities(logits_of(model, self.rows), self.labels))

    def of_scores(self, scores: Tensor) -> Verdict:
        """Judge probabilities, [n, classes]; a row is of the class above its threshold.

        Raises:
            FairTuneError: no class has rows of it and others, or no bias has rows on both sides.
        """
        own = codes(self.labels, scores.shape[1])
        decisions, accuracies = [], []
        for values, truth in zip(scores.unbind(1), own.unbind(1), strict=True):
            accuracy = balanced_accuracies(values, truth)
            best = int(accuracy.argmax()) if not accuracy.isnan().any() else len(THRESHOLDS) // 2
            decisions.append((values > THRESHOLDS[best]).double())
            accuracies.append(float(accuracy[best]))
        known = [value for value in accuracies if value == value]
        if not known:
            raise FairTuneError("the validation rows have no class with rows of it and others; add rows.")
        bias = self._bias(own, torch.stack(decisions, 1))
        if bias.isnan().all():
            raise FairTuneError("the validation rows that count for the bias are of one group; add rows of others.")
        return Verdict(bias.nan_to_num(0), sum(known) / len(known), int(bias.isnan().sum()))

    def _bias(self, own: Tensor, decisions: Tensor) -> Tensor:
        """Return the difference of two shares of decisions: 0, without rounding, of equal ones; NaN without rows."""
        parts = []
        for side in self.sides:
            cells = cells_of(own, self.groups, side, self.notion)
            here, there = ((cell * decisions).sum(0) / cell.sum(0) for cell in cells)
            parts.append(here - there)
        return torch.stack(parts)


def balanced_accuracies(scores: Tensor, truth: Tensor) -> Tensor:
    """Return the mean of sensitivity and specificity at each of `THRESHOLDS`, [101]; NaN where either has no rows.

    Args:
        scores: [n].
        truth: 1, 0, or -1 for a row that does not count, [n].
    """
    above = scores.unsqueeze(0) > THRESHOLDS.unsqueeze(1)
    positive, negative = above[:, truth == 1].double(), above[:, truth == 0].double()
    return (positive.mean(1) + 1 - negative.mean(1)) / 2
