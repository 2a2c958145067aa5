"""What fine-tuning under a fairness penalty shares: prediction loss and bias loss of each batch, weighed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..losses.contrast import EachGroup
from ..losses.loss import bias_loss_named
from ..losses.one_vs_rest import Over, bias_of
from .facts import Facts
from .method import Batch, Method, StageRecord, flag, forward


@dataclass(kw_only=True)
class Penalised(Method):
    """Minimise weight * prediction loss + weight * bias loss of each batch; all parameters move.

    The bias is that of each group against all others, averaged, and of more than two classes that of each against the
    rest. A comparison that lacks one of its cells in the batch is 0 and is counted.
    A subclass gives the weights and the prediction loss.
    """

    whole_batch: ClassVar[bool] = True

    bias_loss: str = flag("equalized_odds", "A file of losses/, such as equalized_odds or statistical_parity.")
    bias_over: Over = flag("mean", "Of more than two classes: mean of each one's bias against the rest, or the worst.")
    contrast: EachGroup | None = field(default=None, init=False, repr=False, compare=False)
    empty_cells: Tensor | int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse a loss that is none, and weights below 0, which would reward bias."""
        bias_loss_named(self.bias_loss)
        if not min(self.weights()) >= 0:
            raise FairTuneError(f"the losses of {self.name} have the weights {self.weights()}; give 0 or more.")

    @abstractmethod
    def weights(self) -> tuple[float, float]:
        """Return the weights of prediction loss and bias loss."""

    def prediction(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the prediction loss."""
        return self.cross_entropy(logits, labels)

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything, and compare the groups that have rows.

        Raises:
            FairTuneError: there are fewer than two.
        """
        present = np.flatnonzero(facts.cells.sum(1)).tolist()
        if len(present) < 2:
            raise FairTuneError(
                f"{self.name} compares groups, but the training data have {len(present)}; name groups by --group."
            )
        self.contrast, self.empty_cells = EachGroup(tuple(present)), 0
        return super().prepare(model, facts)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Any]:
        """Return the weighted sum of prediction loss and bias loss of a batch."""
        if self.contrast is None:
            raise FairTuneError(f"{self.name} knows no groups yet; call `prepare(model, facts)`, as FairTrainer does.")
        outputs, labels, (prediction, bias) = forward(model, batch), batch["labels"], self.weights()
        loss = bias_loss_named(self.bias_loss)
        found = bias_of(outputs.logits.float(), labels, batch["groups"], loss, self.contrast, self.bias_over)
        if torch.is_grad_enabled():
            self.empty_cells = self.empty_cells + found.empty
        return prediction * self.prediction(outputs.logits, labels) + bias * found.value, outputs

    def state(self) -> dict[str, Any]:
        """Return how many comparisons of the bias loss lacked a cell so far."""
        return {"empty_cells": int(self.empty_cells)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on counting."""
        self.empty_cells = int(state["empty_cells"])

    def record(self) -> StageRecord:
        """Return the weights of the losses and what was counted."""
        prediction, bias = self.weights()
        facts: dict[str, Scalar] = {"prediction_weight": prediction, "bias_weight": bias, **self.state()}
        return StageRecord(facts)
