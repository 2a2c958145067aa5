"""What methods share that add to the cross-entropy a loss of what the head reads."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..families.head import is_multi_label
from .attached import Attached, attach, detach, take_seen
from .facts import Facts
from .method import Batch, Method, Needs, StageRecord, forward


@dataclass(kw_only=True)
class FeatureLoss(Method):
    """Minimise cross-entropy + a loss of features, labels and groups; all parameters move.

    With weights of 0 this is plain fine-tuning, bit for bit. A subclass gives the weights, the module that is attached
    to the head while it trains, and the loss.
    """

    needs: ClassVar[Needs] = Needs(attribute_at_train=True)

    def __post_init__(self) -> None:
        """Refuse weights below 0, which would make the groups easier to tell apart."""
        for name, value in self.weights().items():
            if not value >= 0:
                raise FairTuneError(f"`{name}` is {value:g}; give 0 or more.")

    @abstractmethod
    def weights(self) -> dict[str, float]:
        """Return the weights of what is added to the cross-entropy, by name of their flags."""

    @abstractmethod
    def module(self, layer: nn.Linear, facts: Facts) -> Attached:
        """Return what to attach to the head's layer; its weights come of `facts.seed` alone."""

    @abstractmethod
    def added(self, seen: tuple[Tensor, ...], labels: Tensor, groups: Tensor) -> Tensor:
        """Return what is added to the cross-entropy, of what the module kept of a batch."""

    @property
    def is_plain(self) -> bool:
        """Tell whether nothing is added."""
        return not any(self.weights().values())

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything, with the module attached to the head.

        Raises:
            FairTuneError: fewer than two groups have rows.
        """
        present = np.count_nonzero(facts.cells.sum(1))
        if present < 2:
            raise FairTuneError(
                f"{self.name} compares groups, but the training data have {present}; name groups by --group."
            )
        detach(model)
        if not self.is_plain:
            attach(model, facts.head, lambda layer: self.module(layer, facts))
        return super().prepare(model, facts)

    def refuse_findings(self, model: Any) -> None:
        """Refuse a model that tells of several findings.

        Raises:
            FairTuneError: it does.
        """
        if is_multi_label(model):
            raise FairTuneError(
                f"{self.name} compares rows with the same label, but here a row has several; choose another method, "
                "such as groupdro or lnl."
            )

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Any]:
        """Return the cross-entropy and what is added to it; in evaluation the cross-entropy alone."""
        if self.is_plain or not torch.is_grad_enabled():
            return super().loss(model, batch)
        outputs = forward(model, batch)
        added = self.added(take_seen(model, self.name), batch["labels"], batch["groups"])
        return self.cross_entropy(outputs.logits, batch["labels"]) + added, outputs

    def finish(self, model: Any) -> None:
        """Remove the module, so that the model is an ordinary classifier."""
        detach(model)

    def record(self) -> StageRecord:
        """Return the weights, and what was counted."""
        facts: dict[str, Scalar] = {**self.weights(), **self.state()}
        return StageRecord(facts)
