"""What repairs in two steps share: first the feature extractor under a mask, then the classification head."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from accelerate.utils import broadcast
from torch import Tensor, nn
from torch.utils.data import Sampler, Subset
from transformers import TrainerCallback

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..families.head import head_parameters, heads_of
from ..importance.fisher import fisher_importance, pair_of
from ..importance.importance import ImportanceOptions
from ..losses.balanced import balanced_cross_entropy
from ..losses.contrast import GroupPair
from ..losses.loss import bias_loss_named
from ..losses.one_vs_rest import Over, bias_of
from ..masks.eval_mode import EvalModeCallback
from ..masks.reinitialise import reinitialise
from ..masks.repair_mask import MaskOptions, RepairMask
from ..masks.soft_mask_callback import SoftMaskCallback, refuse_half
from .facts import Facts, View
from .method import Batch, Method, Needs, StageRecord, flag, forward
from .pair_sampler import PairSampler, rows_of_pair

Reinit = Literal["mean", "quantile", "full", "none"]


@dataclass
class Measured:
    """What both steps know of the model before the first of them: its masks, and which groups are compared."""

    mask: RepairMask | None = None
    compared: str = ""
    seed: int = 0


@dataclass(kw_only=True)
class TwoStep(Method):
    """Repair a biased model on a small set: extractor under a mask with the head frozen, then the head alone.

    A subclass says what each step minimises (`weights`) and has its own defaults.
    """

    needs: ClassVar[Needs] = Needs(attribute_at_train=True, original_training_data=False)
    trains: ClassVar[str] = "the feature extractor under a mask, then the head"
    takes_mask: ClassVar[bool] = False
    whole_batch: ClassVar[bool] = True
    views: ClassVar[Mapping[str, View]] = MappingProxyType({"train": View(augmented=True), "measured": View()})

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
    bias_over: Over = flag("mean", "Of more than two classes: mean of each one's bias against the rest, or the worst.")
    contrast: Literal["pair", "pair_data", "mean"] = flag(
        "pair",
        "Of three groups or more: bias of the worst against the best by AUC (of several classes their mean, each "
        "against the rest), the others' rows for prediction alone; pair_data leaves these out, as published; mean is "
        "each group against the rest.",
    )
    mask_on: Literal["update", "gradient"] = flag("update", "What the mask scales; Adam undoes a scaled gradient.")
    steps: Literal["both", "extractor", "head"] = flag("both", "Which of the two steps to take.")
    reinit: Reinit = flag("mean", "Head weights that start step two at zero.")
    reinit_quantile: float = flag(0.5, "For quantile: the share of head weights that keep their value.")
    head_learning_rate: float = flag(1e-3, "Learning rate of the second step.")
    batch_norm: Literal["eval", "train"] = flag("eval", "Batch norm's statistics: kept, or updated as published.")
    dropout: Literal["train", "eval"] = flag("train", "The model's own dropout: active in training, or not.")
    measured: Measured = field(default_factory=Measured, repr=False, compare=False)
    empty_cells: Tensor | int = field(default=0, init=False, repr=False, compare=False)
    reinitialised: tuple[int, int] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse at once what the first use, after a long measurement or training, would refuse."""
        if self.reinit not in get_args(Reinit):
            raise FairTuneError(f"`reinit` is {self.reinit!r}; choose mean, quantile, full or none.")
        if not 0 <= self.reinit_quantile <= 1:
            raise FairTuneError(
                f"`reinit_quantile` is {self.reinit_quantile:g}; give the share of the head to keep, from 0 to 1."
            )
        if not self.head_learning_rate >= 0:
            raise FairTuneError(f"`head_learning_rate` is {self.head_learning_rate:g}; give 0 or more.")
        self.refuse_options()
        _ = MaskOptions(self.mask, self.normalization, self.rate), ImportanceOptions(**self._options())

    @abstractmethod
    def weights(self) -> tuple[float, float]:
        """Return the weights of prediction loss and bias loss in this step."""

    @property
    def stage(self) -> str:
        """Return "extractor" or "head" for a step, "both" for the whole."""
        return self.steps

    def stages(self) -> list[Method]:
        """Return the steps asked for; they share what the first of them measures."""
        names: tuple[Any, ...] = ("extractor", "head") if self.steps == "both" else (self.steps,)
        measured = Measured()
        return [replace(self, steps=name, measured=measured) for name in names]

    def arguments(self) -> dict[str, Scalar]:
        """Return the second step's learning rate."""
        return {"learning_rate": self.head_learning_rate} if self.steps == "head" else {}

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Make this step's parameters trainable, and set the head's most biased weights to zero before step two."""
        if self.measured.mask is None:
            if self.mask in ("soft", "random"):
                refuse_half(dict(model.named_parameters()))
            self.measured.mask = self._measure(model, facts)
            self.measured.compared = self.measured.mask.contrast.describe(facts.group_names)
            self.measured.seed = facts.seed
        known = self.measured.mask
        for name, parameter in model.named_parameters():
            parameter.requires_grad_((name in known.head) == (self.steps == "head"))
        if self.steps == "head":
            self.reinitialised = reinitialise(model, known.head, known.soft, self.reinit, self.reinit_quantile)
        return model

    def rows(self, data: Any) -> Sampler[int] | None:
        """Return the rows of the two groups compared where the others are left out."""
        known = self.measured.mask
        if self.contrast != "pair_data" or known is None or not isinstance(known.contrast, GroupPair):
            return None
        return PairSampler(np.asarray(data.with_format(None)["groups"][:]), known.contrast, self.measured.seed)

    def own_rows(self) -> str:
        """Say that rows of other groups are left out where that is asked for."""
        return "those of the two groups compared (`contrast` pair_data)" if self.contrast == "pair_data" else ""

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Any]:
        """Return the weighted sum of prediction loss and bias loss of a batch (SWiFT, eq. 10)."""
        outputs = forward(model, batch)
        logits, labels, training = outputs.logits.float(), batch["labels"], torch.is_grad_enabled()
        if self.measured.mask is None and not training:
            # The model is scored before the repair, too, when nothing is measured of it yet.
            return balanced_cross_entropy(logits, labels), outputs
        contrast, (prediction, bias) = self._known().contrast, self.weights()
        loss = bias_loss_named(self.bias_loss)
        biased = bias_of(logits, labels, batch["groups"], loss, contrast, self.bias_over)
        if training:
            self.empty_cells = self.empty_cells + biased.empty
        return prediction * balanced_cross_entropy(logits, labels) + bias * biased.value, outputs

    def callbacks(self) -> list[TrainerCallback]:
        """Return the mask of the first step, and what keeps modules in evaluation mode."""
        modes = EvalModeCallback(batch_norm=self.batch_norm == "eval", dropout=self.dropout == "eval")
        if self.steps == "head" or self.mask == "none":
            return [modes]
        known = self._known()
        mask = {name: values for name, values in known.step.items() if name not in known.head}
        return [modes, SoftMaskCallback(mask, mask_on=self.mask_on)]

    def state(self) -> dict[str, Any]:
        """Return how many terms of the bias loss lacked a cell so far."""
        return {"empty_cells": int(self.empty_cells)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on counting."""
        self.empty_cells = int(state["empty_cells"])

    def record(self) -> StageRecord:
        """Return the weights of the losses, what was counted, and the mask by layer."""
        prediction, bias = self.weights()
        facts: dict[str, Scalar] = {"prediction_weight": prediction, "bias_weight": bias, **self.state()}
        facts |= {"compared": self.measured.compared}
        if self.reinitialised is not None:
            facts |= dict(zip(("reinitialised", "head_weights"), self.reinitialised, strict=True))
        return StageRecord(facts, soft_mask=self._known().facts)

    def _measure(self, model: Any, facts: Facts) -> RepairMask:
        """Measure how much every weight matters for prediction and for bias (eq. 7, 8) and make the masks (eq. 9)."""
        heads, rows = heads_of(model, facts.head), facts.rows["measured"]
        head = tuple(name for leaf in heads for name in head_parameters(model, leaf))
        options = self._options()
        if self.contrast == "pair_data":
            options["contrast"] = pair = pair_of(model, rows, ImportanceOptions(**options))
            rows = Subset(rows, rows_of_pair(np.asarray(rows.with_format(None)["groups"][:]), pair).tolist())
        # Batches of a sorted table would lack a group or a label each, and then hold no bias at all.
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(facts.seed)).tolist()
        importance = fisher_importance(model, Subset(rows, order), **options)
        # Every process has measured the same images; rounding on accelerators may differ, masks must not.
        importance = replace(importance, prediction=broadcast(importance.prediction), bias=broadcast(importance.bias))
        return RepairMask.of(importance, MaskOptions(self.mask, self.normalization, self.rate, facts.seed), head)

    def _options(self) -> dict[str, Any]:
        sizes = {"batch_size": self.importance_batch_size, "chunk_size": self.chunk_size}
        return {
            "bias": self.bias_loss,
            "bias_over": self.bias_over,
            "contrast": self.contrast.removesuffix("_data"),
            "form": self.importance,
            **sizes,
        }

    def _known(self) -> RepairMask:
        if self.measured.mask is None:
            raise FairTuneError(f"{self.name} is not measured yet; call `prepare(model, facts)`, as FairTrainer does.")
        return self.measured.mask
