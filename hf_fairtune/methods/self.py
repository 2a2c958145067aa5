"""SELF (LaBonte et al., NeurIPS 2023): tune the last layer where an early and the final model disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from accelerate.utils import broadcast
from datasets import Dataset
from optuna.distributions import IntDistribution
from torch import Tensor
from torch.nn.functional import logsigmoid
from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..data.balanced_sampler import BalancedSampler
from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..families.head import is_multi_label
from ..masks.eval_mode import EvalModeCallback
from .chosen_rows import ChosenRows
from .facts import Facts, View
from .features import head_alone
from .logits import logits_of
from .method import Method, Needs, StageRecord, flag
from .view_sampler import ViewSampler


@dataclass
class Early:
    """What the head's training knows of the first: the early model's logits of the rows held out, [n, classes]."""

    logits: list[list[float]] = field(default_factory=list)


@dataclass(kw_only=True)
class Self(Method):
    """Train on all rows but some held out; then the head on those of them where early and final model differ most.

    The difference is KL(early || final) of the predicted probabilities, summed over findings where there are several.
    The head goes on from where it is, and classes are drawn equally often, but not findings. Clusters are held out
    whole. No group is known but where a run is chosen by the worst of them.
    """

    title: ClassVar[str] = "SELF"
    citation: ClassVar[str] = """\
@inproceedings{labonte2023towards,
  title = {Towards Last-layer Retraining for Group Robustness with Fewer Annotations},
  author = {Tyler LaBonte and Vidya Muthukumar and Abhishek Kumar},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2023}
}"""
    needs: ClassVar[Needs] = Needs(attribute_at_validation=True)
    trains: ClassVar[str] = "all parameters, then the head"
    takes_mask: ClassVar[bool] = False
    views: ClassVar[Mapping[str, View]] = MappingProxyType({"train": View(augmented=True), "measured": View()})

    early: float = flag(0.2, "Share of the first training's steps after which the early model is taken.")
    held_out: float = flag(0.2, "Share of the training rows, or clusters, that the first training leaves out.")
    points: int = flag(
        100, "Rows held out that the head is tuned on: those of most disagreement.", IntDistribution(20, 500, log=True)
    )
    head_learning_rate: float = flag(1e-3, "Learning rate of the second training, that of the head.")
    part: Literal["both", "model", "head"] = field(default="both", repr=False)
    known: Early = field(default_factory=Early, repr=False, compare=False)
    chosen: np.ndarray | None = field(default=None, init=False, repr=False, compare=False)
    facts: Facts = field(default_factory=Facts, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse numbers without a meaning."""
        for name in ("early", "held_out"):
            if not 0 < getattr(self, name) < 1:
                raise FairTuneError(f"`{name}` is {getattr(self, name):g}; give a share between 0 and 1.")
        if self.points < 1:
            raise FairTuneError(f"`points` is {self.points}; give 1 or more.")
        if not self.head_learning_rate >= 0:
            raise FairTuneError(f"`head_learning_rate` is {self.head_learning_rate:g}; give 0 or more.")

    @property
    def stage(self) -> str:
        """Return "model" or "head" for a training, "both" for the whole."""
        return self.part

    def stages(self) -> list[Method]:
        """Return both trainings; they share what the early model says."""
        parts: tuple[Any, ...] = ("model", "head") if self.part == "both" else (self.part,)
        known = Early()
        return [replace(self, part=part, known=known) for part in parts]

    def arguments(self) -> dict[str, Scalar]:
        """Return the second training's learning rate."""
        return {"learning_rate": self.head_learning_rate} if self.part == "head" else {}

    def own_rows(self) -> str:
        """Say which rows each training draws."""
        return "those that are not held out, then those of most disagreement"

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything, then the head alone on the rows of most disagreement.

        Raises:
            FairTuneError: the rows cannot be read before they are trained on.
        """
        rows = facts.rows.get("measured")
        if self.part != "head" and not isinstance(rows, Dataset):
            raise FairTuneError(
                f"{self.name} holds training rows out, but they are a {type(rows).__name__}; give a "
                "`datasets.Dataset` to train on."
            )
        self.facts = facts
        if self.part != "head":
            return super().prepare(model, facts)
        if self.known.logits:
            final = logits_of(model, self._held_out())
            differences = disagreement(torch.tensor(self.known.logits), final, is_multi_label(model))
            most = differences.argsort(descending=True, stable=True)[: self.points]
            same = broadcast(most.to(next(model.parameters()).device)).cpu().numpy()
            self.chosen = held_out(facts.rows["measured"], self.held_out, facts.seed)[same]
        return head_alone(model, facts.head)

    def rows(self, data: Any) -> Sampler[int] | None:
        """Return the rows of this training.

        Raises:
            FairTuneError: the head is to be trained, but nothing is known of an early model.
        """
        seed = self.facts.seed
        if self.part == "model":
            rest = np.setdiff1d(np.arange(len(data)), held_out(data, self.held_out, seed))
            return ChosenRows(rest, ViewSampler(len(rest), 1, seed))
        if self.part == "both":
            return None
        if self.chosen is None:
            raise FairTuneError(f"{self.name} knows no early model; train both parts, from the start.")
        labels = labels_of(data)[self.chosen]
        order = BalancedSampler(labels, seed) if labels.ndim == 1 else ViewSampler(len(labels), 1, seed)
        return ChosenRows(self.chosen, order)

    def callbacks(self) -> list[TrainerCallback]:
        """Return what asks the early model, and what holds all but the head still."""
        if self.part == "head":
            return [EvalModeCallback(dropout=True)]
        return [EarlyModel(self.early, self.known, self._held_out())] if self.part == "model" else []

    def state(self) -> dict[str, Any]:
        """Return what the early model said."""
        return {"early": self.known.logits} if self.part == "model" else {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take it up."""
        if self.part == "model":
            self.known.logits = state["early"]

    def record(self) -> StageRecord:
        """Return how many rows were held out and how many chosen, of several classes by class."""
        if self.chosen is None:
            return StageRecord()
        labels = labels_of(self.facts.rows["measured"])[self.chosen]
        counts = np.bincount(labels, minlength=self.facts.n_classes).tolist() if labels.ndim == 1 else [len(labels)]
        facts: dict[str, Scalar] = {"held_out": len(self.known.logits), "chosen": " + ".join(map(str, counts))}
        return StageRecord(facts)

    def _held_out(self) -> Any:
        rows: Any = self.facts.rows["measured"]
        return rows.select(held_out(rows, self.held_out, self.facts.seed))


class EarlyModel(TrainerCallback):
    """Keep a model's logits of some rows when a share of the training's steps is done."""

    def __init__(self, share: float, known: Early, rows: Any) -> None:
        self.share, self.known, self.rows = share, known, rows

    def on_step_end(self, _: TrainingArguments, state: TrainerState, __: TrainerControl, **objects: Any) -> None:
        """Ask the model after that step."""
        if state.global_step == max(1, round(self.share * state.max_steps)):
            self.known.logits = logits_of(objects["model"], self.rows).tolist()

    def on_train_end(self, *_: Any, **objects: Any) -> None:
        """Ask the last model where the training was stopped before."""
        if not self.known.logits:
            self.known.logits = logits_of(objects["model"], self.rows).tolist()


def held_out(data: Any, share: float, seed: int) -> np.ndarray:
    """Return the rising indices of a share of the rows, drawn by a seed; those of a cluster go together.

    Raises:
        FairTuneError: nothing is held out, or nothing is left.
    """
    plain = data.with_format(None)
    clusters = np.asarray(plain["cluster"][:]) if "cluster" in plain.column_names else np.arange(len(plain))
    names, codes = np.unique(clusters, return_inverse=True)
    count = round(share * len(names))
    if not 0 < count < len(names):
        raise FairTuneError(f"`held_out` {share:g} of {len(names)} leaves nothing on one side; give another share.")
    return np.flatnonzero(np.isin(codes, np.random.default_rng(seed).permutation(len(names))[:count]))


def labels_of(data: Any) -> np.ndarray:
    """Return the classes of the rows, [n], or their findings, [n, findings]."""
    return np.asarray(data.with_format(None)["labels"][:])


def disagreement(early: Tensor, final: Tensor, findings: bool) -> Tensor:
    """Return KL(early || final) of each row, [n], by logits [n, classes]; of findings the sum over them."""
    if findings:
        both = [torch.stack([logsigmoid(logits), logsigmoid(-logits)], dim=-1) for logits in (early, final)]
    else:
        both = [logits.log_softmax(1) for logits in (early, final)]
    return (both[0].exp() * (both[0] - both[1])).flatten(1).sum(1)


METHOD = Self
