"""The contract of a method: one way to fine-tune. Its fields are its hyper-parameters and its flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from optuna.trial import BaseTrial
from torch import nn
from transformers import TrainerCallback

from .. import catalog
from ..masks.proposals import Proposal


@dataclass(frozen=True)
class Needs:
    """Where a method needs the sensitive attribute, and whether it needs the original training data."""

    attribute_at_train: bool = False
    attribute_at_validation: bool = False
    attribute_at_inference: bool = False
    original_training_data: bool = True


@dataclass(frozen=True)
class Method:
    """Plain fine-tuning of whatever `prepare` leaves trainable; a method overrides what it changes.

    A method lives in `methods/<name>.py` and its class is named there as `METHOD`; `smooths` says whether its loss
    knows `label_smoothing_factor`.
    """

    citation: ClassVar[str]
    needs: ClassVar[Needs] = Needs()
    smooths: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Return the name the method is asked for by: its file's."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def is_open(self) -> bool:
        """Say whether something must be searched before the method can train."""
        return False

    def proposing(self, proposal: Proposal) -> Method:
        """Return the method that draws its mask, if it has one, by `proposal`."""
        return self

    def measure(self, model: Any, data: Any) -> Method:
        """Return the method with what it must know of `model` and of the training rows `data` before the first step.

        `data` gives `pixel_values`, `labels` and `groups` row by row, without augmentation.
        """
        return self

    def stages(self) -> list[Method]:
        """Return the steps that are trained one after another, each prepared when its turn comes.

        None, the default: the method has no steps and is prepared when the model is made.
        """
        return []

    def arguments(self) -> dict[str, Any]:
        """Return the training arguments that this step sets for itself."""
        return {}

    @property
    def step(self) -> str:
        """Return the name of this step; a method without steps is its own."""
        return self.name

    def told(self) -> dict[str, Any]:
        """Return what a trained step minimised, as part of `repair.steps` of the record."""
        return {"prediction_weight": None, "bias_weight": None, "empty_cells": 0}

    def reinitialised(self) -> dict[str, Any] | None:
        """Return how much of the head started at zero, as `repair.reinitialised` of the record; None: nothing did."""
        return None

    def facts(self, group_names: Sequence[str]) -> dict[str, Any] | None:
        """Return what was measured, as `repair.mask` of the record; None where nothing was."""
        return None

    def prepare(self, model: Any) -> Any:
        """Return the model to train: head and some more parameters require a gradient, the rest do not."""
        return model

    def loss(self, outputs: Any, batch: dict[str, torch.Tensor], label_smoothing: float = 0.0) -> torch.Tensor:
        """Return the mean loss of a batch: cross-entropy of `outputs.logits` [n, 2] and `batch["labels"]` [n]."""
        return nn.functional.cross_entropy(outputs.logits.float(), batch["labels"], label_smoothing=label_smoothing)

    def callbacks(self) -> list[TrainerCallback]:
        """Return the callbacks the method trains with."""
        return []

    def suggest(self, trial: BaseTrial, n_blocks: int) -> Method:
        """Return this method with the hyper-parameters of `trial`; the same trial gives the same method."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the hyper-parameters as JSON."""
        return asdict(self)


def method_named(name: str, **hyperparameters: Any) -> Method:
    """Build the method of `methods/<name>.py`.

    Raises:
        FairTuneError: no method of that name.
    """
    method: Method = catalog.find("methods", name).METHOD(**hyperparameters)
    return method
