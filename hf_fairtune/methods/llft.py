"""LLFT, last-layer fairness fine-tuning (Mao et al., 2023): a new last layer on balanced rows, under a constraint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from optuna.distributions import FloatDistribution
from torch import Tensor
from torch.nn.functional import linear

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..losses.contrast import EachGroup
from ..losses.cross_entropy import CrossEntropy, class_weights
from ..losses.loss import BiasValue, bias_loss_named
from ..losses.one_vs_rest import Over, bias_of
from .facts import Facts, View, label_counts
from .features import features_of, head_alone, write_head
from .method import Method, Needs, StageRecord, flag


@dataclass(kw_only=True)
class Llft(Method):
    """Fit a head that starts from chance to class-balanced cross-entropy + constraint * bias, on cached features.

    Every update is SGD of all rows, which in a repair are the balanced external set; nothing but the head changes.
    The mask `linear` trains the head that is there, in batches, without a constraint.
    """

    title: ClassVar[str] = "LLFT"
    citation: ClassVar[str] = """\
@article{mao2023last,
  title = {Last-Layer Fairness Fine-tuning is Simple and Effective for Neural Networks},
  author = {Yuzhen Mao and Zhun Deng and Huaxiu Yao and Ting Ye and Kenji Kawaguchi and James Zou},
  year = {2023},
  eprint = {2304.03935},
  archivePrefix = {arXiv}
}"""
    trains: ClassVar[str] = "the head alone, without gradient steps of the Trainer"
    takes_mask: ClassVar[bool] = False
    needs: ClassVar[Needs] = Needs(attribute_at_train=True, original_training_data=False)
    views: ClassVar[Mapping[str, View]] = MappingProxyType({"train": View(augmented=True), "pool": View()})

    constraint: float = flag(
        2.0,
        "Weight of the bias loss beside the cross-entropy; alpha of the paper.",
        FloatDistribution(0.1, 10.0, log=True),
    )
    bias_loss: str = flag("equalized_odds_joint", "A file of losses/; the default is the paper's equalized odds.")
    bias_over: Over = flag("mean", "Of more than two classes: mean of each one's bias against the rest, or the worst.")
    updates: int = flag(1000, "Updates of the head, each by all rows.")
    head_learning_rate: float = flag(1e-2, "Learning rate of the updates.")
    facts: Facts = field(default_factory=Facts, init=False, repr=False, compare=False)
    fitted: dict[str, Scalar] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse options that would have no effect, and numbers that fit nothing."""
        self.refuse_options()
        bias_loss_named(self.bias_loss)
        for name in ("constraint", "updates", "head_learning_rate"):
            if not getattr(self, name) >= 0:
                raise FairTuneError(f"`{name}` is {getattr(self, name):g}; give 0 or more.")

    def arguments(self) -> dict[str, Scalar]:
        """Return that the Trainer takes no step, and the learning rate of the updates."""
        return {"num_train_epochs": 0, "learning_rate": self.head_learning_rate}

    def own_rows(self) -> str:
        """Say which rows every update is of."""
        return "all of them in every update"

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Freeze all but the head.

        Raises:
            FairTuneError: there are fewer than two groups.
        """
        if len(present(facts)) < 2:
            raise FairTuneError(
                f"{self.name} compares groups, but its rows have {len(present(facts))}; name groups by --group."
            )
        self.facts = facts
        return head_alone(model, facts.head)

    def finish(self, model: Any) -> None:
        """Fit a new head and write it into the model.

        Raises:
            FairTuneError: the loss is not finite, or a class has no rows.
        """
        features, labels, groups = features_of(model, self.facts, "pool")
        weights = class_weights(["balanced"], label_counts(self.facts.rows["pool"]))
        prediction, contrast = CrossEntropy(class_weights=weights), EachGroup(present(self.facts))
        measure = bias_loss_named(self.bias_loss)

        def losses(head: tuple[Tensor, Tensor]) -> tuple[Tensor, BiasValue]:
            logits = linear(features, *head)
            return prediction(logits, labels), bias_of(logits, labels, groups, measure, contrast, self.bias_over)

        head = new_head(features.shape[1], self.facts.n_classes, self.facts.seed)
        optimizer = torch.optim.SGD(head, lr=self.head_learning_rate, momentum=0.9, weight_decay=5e-4)
        with torch.enable_grad():
            for _ in range(self.updates):
                optimizer.zero_grad()
                loss, bias = losses(head)
                (loss + self.constraint * bias.value).backward()
                optimizer.step()
        with torch.no_grad():
            loss, bias = losses(head)
        if not torch.isfinite(loss + bias.value):
            rate = self.head_learning_rate
            raise FairTuneError(f"the loss of the head is NaN or infinite; lower `head_learning_rate` (now {rate:g}).")
        self.fitted = {"prediction_loss": float(loss), "bias": float(bias.value), "empty_cells": int(bias.empty)}
        write_head(model, self.facts.head, *(part.detach() for part in head))

    def record(self) -> StageRecord:
        """Return the weight of the bias loss, what is left of both losses, and comparisons that lack a cell."""
        return StageRecord({"bias_weight": self.constraint, **self.fitted})


def present(facts: Facts) -> tuple[int, ...]:
    """Return the codes of the groups that have rows."""
    return tuple(code for code, rows in enumerate(facts.cells.sum(1).tolist()) if rows)


def new_head(inputs: int, outputs: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return weights and bias as `torch.nn.Linear` draws them, float64, by a seed of their own."""
    draw, reach = torch.Generator().manual_seed(seed), inputs**-0.5
    uniform = torch.rand(outputs, inputs + 1, generator=draw, dtype=torch.float64) * 2 * reach - reach
    return uniform[:, :-1].clone().requires_grad_(True), uniform[:, -1].clone().requires_grad_(True)


METHOD = Llft
