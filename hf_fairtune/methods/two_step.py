"""What repairs in two steps share: first the feature extractor under a mask, then the classification head."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Literal

import torch
from accelerate.utils import broadcast
from torch.utils.data import Subset
from transformers import TrainerCallback, TrainerState

from ..errors import FairTuneError
from ..families.head import find_head, head_parameters
from ..importance.fisher import ImportanceOptions, fisher_importance
from ..losses.loss import bias_loss_named, margin, weighted_bce
from ..masks.eval_mode import EvalModeCallback
from ..masks.reinitialise import check, reinitialise
from ..masks.repair_mask import MaskOptions, RepairMask
from ..masks.soft_mask_callback import SoftMaskCallback
from .method import Method, Needs


@dataclass
class Tally:
    """What happens while a step is trained: terms of the bias loss without a cell, and (zeroed, all) head weights."""

    empty_cells: torch.Tensor | int = 0
    reinitialised: tuple[int, int] | None = None


class TallyCallback(TrainerCallback):
    """Keep the count of missing cells in the log, which checkpoints hold, so that a resumed step goes on counting."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally

    def on_train_begin(self, args: Any, state: TrainerState, *_: Any, **__: Any) -> None:
        """Start from the checkpoint's count."""
        counts = [entry["empty_cells"] for entry in state.log_history if "empty_cells" in entry]
        self.tally.empty_cells = int(counts[-1]) if counts else 0

    def on_log(self, args: Any, state: TrainerState, *_: Any, **__: Any) -> None:
        """Write the count beside the training loss."""
        if "loss" in state.log_history[-1]:
            state.log_history[-1]["empty_cells"] = int(self.tally.empty_cells)


def flag(default: Any, text: str) -> Any:
    """Return a field with its help."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class TwoStep(Method):
    """Repair a biased model on a small set: extractor under a mask with the head frozen, then the head alone.

    A subclass says what each step minimises (`weights`) and has its own defaults. The fields are flags; their help
    describes them.
    """

    needs: ClassVar[Needs] = Needs(attribute_at_train=True, original_training_data=False)
    smooths: ClassVar[bool] = False

    mask: str = flag("soft", "Of the first step: soft, hard, random or none.")
    normalization: Literal["min-max", "z-score", "percentile"] = flag("min-max", "Of importances, tensor by tensor.")
    rate: float = flag(50.0, "Hard mask: percentile of the importance ratio above which a weight moves.")
    importance: Literal["whole", "batch", "sample"] = flag(
        "whole",
        "Bias from the squared gradient of the whole set, of batches (published), or of images (exact Fisher "
        "information, which on a balanced set does not know the groups).",
    )
    importance_batch_size: int = flag(32, "For batch: images of a batch, drawn in an order that --seed shuffles.")
    chunk_size: int = flag(8, "Images whose gradients are held at once for the Fisher information.")
    bias_loss: str = flag("equalized_odds", "A file of losses/, such as equalized_odds or statistical_parity.")
    contrast: Literal["pair", "mean"] = flag("pair", "Over two groups: best against worst, or each against the rest.")
    mask_on: Literal["update", "gradient"] = flag("update", "What the mask scales; Adam undoes a scaled gradient.")
    steps: Literal["both", "extractor", "head"] = flag("both", "Which of the two steps to take.")
    reinit: Literal["mean", "quantile", "full", "none"] = flag("mean", "Head weights that start step two at zero.")
    reinit_quantile: float = flag(0.5, "For quantile: the share of head weights that keep their value.")
    head: str | None = flag(None, "Module of the classification head, where it cannot be found.")
    head_learning_rate: float = flag(1e-3, "Learning rate of the second step.")
    batch_norm: Literal["eval", "train"] = flag("eval", "Batch norm's statistics: kept, or updated as published.")
    dropout: Literal["train", "eval"] = flag("train", "The model's own dropout: active in training, or not.")
    seed: int = flag(0, "Of the random mask, and of the order of images in batches.")
    measured: RepairMask | None = field(default=None, repr=False, compare=False)
    tally: Tally = field(default_factory=Tally, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse at once what the first use, after a long measurement or training, would refuse."""
        check(self.reinit, self.reinit_quantile)
        if not self.head_learning_rate >= 0:
            raise FairTuneError(f"`head_learning_rate` is {self.head_learning_rate:g}; give 0 or more.")
        _ = self._options(), ImportanceOptions(**self._asked())

    @abstractmethod
    def weights(self) -> tuple[float, float]:
        """Return the weights of prediction loss and bias loss in this step."""

    @property
    def step(self) -> str:
        """Return "extractor" or "head" for a step, "both" for the whole."""
        return self.steps

    def measure(self, model: Any, data: Any) -> TwoStep:
        """Measure how much every weight matters for prediction and for bias (eq. 7, 8) and make the mask (eq. 9).

        Raises:
            FairTuneError: the head is not found or has not two classes, a group x label cell of `data` is empty, or
                there is one group only.
        """
        head = tuple(head_parameters(model, find_head(model, self.head)))
        # Batches of a sorted table would lack a group or a label each, and then hold no bias at all.
        order = torch.randperm(len(data), generator=torch.Generator().manual_seed(self.seed)).tolist()
        importance = fisher_importance(model, Subset(data, order), **self._asked())
        # Every process has measured the same images; rounding on accelerators may differ, masks must not.
        importance = replace(importance, prediction=broadcast(importance.prediction), bias=broadcast(importance.bias))
        return replace(self, measured=RepairMask.of(importance, self._options(), head))

    def stages(self) -> list[Method]:
        """Return the steps asked for."""
        steps: tuple[Any, ...] = ("extractor", "head") if self.steps == "both" else (self.steps,)
        return [replace(self, steps=step, tally=Tally()) for step in steps]

    def arguments(self) -> dict[str, Any]:
        """Return the second step's learning rate."""
        return {"learning_rate": self.head_learning_rate} if self.steps == "head" else {}

    def prepare(self, model: Any) -> Any:
        """Make this step's parameters trainable, and set the head's most biased weights to zero before step two."""
        head = self._known().head
        for name, parameter in model.named_parameters():
            parameter.requires_grad_((name in head) == (self.steps == "head"))
        if self.steps == "head":
            self.tally.reinitialised = reinitialise(model, head, self._known().soft, self.reinit, self.reinit_quantile)
        return model

    def loss(self, outputs: Any, batch: dict[str, torch.Tensor], label_smoothing: float = 0.0) -> torch.Tensor:
        """Return the weighted sum of prediction loss and bias loss of a batch (SWiFT, eq. 10)."""
        if label_smoothing:
            raise FairTuneError(f"{self.name} has no label smoothing; leave out `label_smoothing_factor`.")
        margins, training = margin(outputs.logits.float()), torch.is_grad_enabled()
        if self.measured is None and not training:
            # The model as it came is scored before anything is measured of it.
            return weighted_bce(margins, batch["labels"])
        contrast, (prediction, bias) = self._known().contrast, self.weights()
        found = contrast(bias_loss_named(self.bias_loss), margins.sigmoid(), batch["labels"], batch["groups"])
        if training:
            self.tally.empty_cells = self.tally.empty_cells + found.empty
        return prediction * weighted_bce(margins, batch["labels"]) + bias * found.value

    def callbacks(self) -> list[TrainerCallback]:
        """Return the mask of the first step, what keeps modules in evaluation mode, and what keeps count."""
        modes = EvalModeCallback(batch_norm=self.batch_norm == "eval", dropout=self.dropout == "eval")
        always: list[TrainerCallback] = [modes, TallyCallback(self.tally)]
        if self.steps == "head" or self.mask == "none":
            return always
        known = self._known()
        mask = {name: values for name, values in known.step.items() if name not in known.head}
        return [*always, SoftMaskCallback(mask, mask_on=self.mask_on)]

    def told(self) -> dict[str, Any]:
        """Return the weights of the losses and how many of its terms lacked a cell."""
        prediction, bias = self.weights()
        return {"prediction_weight": prediction, "bias_weight": bias, "empty_cells": int(self.tally.empty_cells)}

    def reinitialised(self) -> dict[str, Any] | None:
        """Return how many of the head's weights the second step started from zero."""
        if self.tally.reinitialised is None:
            return None
        zeroed, parameters = self.tally.reinitialised
        return {"kind": self.reinit, "parameters": zeroed, "of": parameters}

    def facts(self, group_names: Sequence[str]) -> dict[str, Any]:
        """Return mask and groups set against each other, as `repair.mask` of the record."""
        told = {name: getattr(self, name) for name in ("importance", "bias_loss", "mask_on")}
        return {**self._known().facts, **told, "contrast": self._known().contrast.describe(group_names)}

    def to_dict(self) -> dict[str, Any]:
        """Return the hyper-parameters."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if "help" in entry.metadata}

    def _options(self) -> MaskOptions:
        return MaskOptions(self.mask, self.normalization, self.rate, self.seed)

    def _asked(self) -> dict[str, Any]:
        sizes = {"batch_size": self.importance_batch_size, "chunk_size": self.chunk_size}
        return {"bias": self.bias_loss, "contrast": self.contrast, "form": self.importance, **sizes}

    def _known(self) -> RepairMask:
        if self.measured is None:
            raise FairTuneError(f"{self.name} is not measured yet; call `measure(model, data)`, as FairTrainer does.")
        return self.measured
