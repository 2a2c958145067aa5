"""DiffGda (Marcinkevics et al., MLHC 2022): gradient steps of a trained model that move its signed bias towards 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from optuna.distributions import FloatDistribution
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..families.moved import tensors_of
from ..losses.one_vs_rest import codes
from ..masks.soft_mask_callback import refuse_sharded
from .checkpoint_file import CheckpointFile
from .facts import Facts, View
from .method import Batch, Method, Needs, StageRecord, flag, forward
from .signed_bias import (
    CHANCE,
    CITATION,
    Judge,
    Least,
    Notion,
    contrast_weights,
    probabilities,
    refuse_notion,
    sides_of,
)


@dataclass
class Progress:
    """What the evaluations of a training found.

    Args:
        least: of the biases; None before the first evaluation.
        step: of the model that is kept, 0 for the model as it came.
        evaluations: so far, without that of the model as it came.
        ended: whether the model has come down to chance.
        weights: of the model that is kept.
    """

    least: Least | None = None
    step: int = 0
    evaluations: int = 0
    ended: bool = False
    weights: dict[str, Tensor] = field(default_factory=dict)


@dataclass(kw_only=True)
class DiffGda(Method):
    """Minimise sign * bias of the mean probabilities of each batch, the sign being that of the decisions at the start.

    No task loss is in it, so that the model of least bias on validation is kept among those evaluated whose balanced
    accuracy is above the floor; the model as it came is one of them, and is kept where none is above it. Training ends
    when a model is at chance. Of more than two groups each is compared with the others, and each class with the rest,
    each with a sign of its own; the bias is their mean. A comparison that lacks a cell in a batch is 0 and is counted.
    The loss in evaluation is the cross-entropy.
    """

    title: ClassVar[str] = "DiffGda"
    citation: ClassVar[str] = CITATION
    needs: ClassVar[Needs] = Needs(attribute_at_train=True, attribute_at_validation=True, original_training_data=False)
    trains: ClassVar[str] = "all parameters, by the bias alone"
    views: ClassVar[Mapping[str, View]] = MappingProxyType(
        {"train": View("train", augmented=True), "validation": View("validation")}
    )

    bias: Notion = flag("statistical_parity", "Whose gap closes: statistical_parity or equal_opportunity.")
    floor: float = flag(
        0.55,
        "Balanced accuracy on validation, at its best threshold, below which no model is kept.",
        FloatDistribution(0.5, 0.8),
    )
    evaluations: int = flag(5, "Evaluations on validation an epoch.")
    signs: Tensor = field(default_factory=lambda: torch.zeros(0), init=False, repr=False, compare=False)
    judge: Judge | None = field(default=None, init=False, repr=False, compare=False)
    progress: Progress = field(default_factory=Progress, init=False, repr=False, compare=False)
    empty_cells: Tensor | int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse numbers without a meaning, and options of a loss that is not trained by."""
        self.refuse_options()
        refuse_notion(self.bias)
        if not 0 <= self.floor <= 1:
            raise FairTuneError(f"`floor` is {self.floor:g}; give a number from 0 to 1.")
        if self.evaluations < 1:
            raise FairTuneError(f"`evaluations` is {self.evaluations}; give 1 or more.")

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything, away from the bias that the model has on validation.

        Raises:
            FairTuneError: there are fewer than two groups.
        """
        self.judge = Judge.of(facts.rows["validation"], sides_of(facts, self.name), self.bias)
        before = self.judge(model)
        self.signs, self.empty_cells = before.bias.sign(), 0
        self.progress = Progress(Least.of(before, self.floor))
        return super().prepare(model, facts)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Any]:
        """Return the mean of sign * bias of a batch; in evaluation the cross-entropy."""
        if self.judge is None or not torch.is_grad_enabled():
            return super().loss(model, batch)
        outputs, labels = forward(model, batch), batch["labels"]
        scores = probabilities(outputs.logits.float(), labels)
        weights = contrast_weights(codes(labels, scores.shape[1]), batch["groups"], self.judge.sides, self.bias)
        self.empty_cells = self.empty_cells + (~weights.any(1)).sum()
        return (self.signs.to(scores) * (weights * scores).sum(1)).mean().to(outputs.logits.dtype), outputs

    def callbacks(self) -> list[TrainerCallback]:
        """Return what evaluates the model and keeps the best."""
        return [BestOfBias(self)]

    def finish(self, model: Any) -> None:
        """Put the model of least bias in place."""
        if self.progress.weights:
            model.load_state_dict(self.progress.weights)

    def state(self) -> dict[str, Any]:
        """Return what the evaluations found so far, without the weights."""
        known = self.progress
        least = None if known.least is None else asdict(known.least)
        found = {"step": known.step, "evaluations": known.evaluations, "ended": known.ended}
        return {**found, "least": least, "empty_cells": int(self.empty_cells)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        known, least = self.progress, state["least"]
        known.step, known.evaluations, known.ended = state["step"], state["evaluations"], state["ended"]
        if least is not None:
            known.least = Least(**least | {"before": (*least["before"],), "best": (*least["best"],)})
        self.empty_cells = int(state["empty_cells"])

    def record(self) -> StageRecord:
        """Return the step that was kept, 0 for the model as it came, its bias on validation, and what was counted."""
        known = self.progress
        facts: dict[str, Scalar] = {"step": known.step, "evaluations": known.evaluations, "ended": known.ended}
        facts |= {} if known.least is None else known.least.facts()
        return StageRecord({**facts, "empty_cells": int(self.empty_cells)})


class BestOfBias(CheckpointFile):
    """Evaluate a model in training, and keep the weights of least bias.

    Args:
        method: has the judge, and takes the progress; a model made when the training begins prepares it then.
    """

    file_name = "least_bias.safetensors"

    def __init__(self, method: DiffGda) -> None:
        self.method = method

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the weights that are kept."""
        return self.method.progress.weights

    def take(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up the weights."""
        self.method.progress.weights = dict(tensors)

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *rest: Any, **objects: Any) -> None:
        """Keep the model as it came, or what a checkpoint kept."""
        refuse_sharded(objects["model"].parameters(), "The model of least bias")
        if state.global_step == 0:
            self.method.progress.weights = tensors_of(objects["model"])
        super().on_train_begin(args, state, *rest)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **objects: Any
    ) -> None:
        """Evaluate the model where it is time, and end the training where it has come down to chance."""
        known, step = self.method.progress, state.global_step
        every = max(1, round(state.max_steps / state.num_train_epochs / self.method.evaluations))
        if not known.ended and (step % every == 0 or step == state.max_steps):
            self._judge(objects["model"], step)
        control.should_training_stop = control.should_training_stop or known.ended
        super().on_step_end(args, state, control)

    def _judge(self, model: nn.Module, step: int) -> None:
        known, judge = self.method.progress, self.method.judge
        assert known.least is not None
        assert judge is not None
        verdict = judge(model)
        known.evaluations, known.ended = known.evaluations + 1, verdict.balanced_accuracy <= CHANCE
        if known.least.takes(verdict):
            known.step, known.weights = step, tensors_of(model)


METHOD = DiffGda
