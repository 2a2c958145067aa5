"""DiffPrune (Marcinkevics et al., MLHC 2022): prune the units of a trained model that its bias rests on most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from accelerate.utils import broadcast
from optuna.distributions import FloatDistribution
from torch import Tensor
from torch.utils.data import DataLoader

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..families.frozen_eval import frozen_eval
from ..families.units import UnitLayer, unit_layers
from .facts import Facts, View
from .method import Method, Needs, StageRecord, flag, forward
from .signed_bias import CHANCE, CITATION, Judge, Least, Notion, probabilities, refuse_notion, sides_of


@dataclass(kw_only=True)
class DiffPrune(Method):
    """Set units to 0, a share at a time, and keep the model of least bias on validation that is accurate enough.

    Units are channels inside a block, of an MLP or of convolutions, and attention heads. A unit's influence is the
    derivative, by a factor on its output, of the signed bias of the mean probabilities of the rows trained on: what
    pruning changes to the first order, where the paper takes the derivative by the output itself. It is measured
    again after each step, and the units that push the bias away from 0 most go first. Of more than two
    groups each is compared with the others, and each class with the rest, each with a sign of its own; the bias is
    their mean. The model as it came is kept where no pruned one is better. Nothing is trained.
    """

    title: ClassVar[str] = "DiffPrune"
    citation: ClassVar[str] = CITATION
    needs: ClassVar[Needs] = Needs(attribute_at_train=True, attribute_at_validation=True, original_training_data=False)
    trains: ClassVar[str] = "nothing; it sets units to 0"
    takes_mask: ClassVar[bool] = False
    views: ClassVar[Mapping[str, View]] = MappingProxyType(
        {"train": View("train", augmented=True), "measured": View("train"), "validation": View("validation")}
    )

    bias: Notion = flag("statistical_parity", "Whose gap closes: statistical_parity or equal_opportunity.")
    floor: float = flag(0.55, "Balanced accuracy on validation, at its best threshold, below which no model is kept.")
    prune_share: float = flag(
        0.05, "Share of all units that is pruned in a step.", FloatDistribution(0.005, 0.2, log=True)
    )
    prune_steps: int = flag(10, "Steps at most.")
    facts: Facts = field(default_factory=Facts, init=False, repr=False, compare=False)
    found: dict[str, Scalar] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse numbers without a meaning, and options of a loss that is not trained by."""
        self.refuse_options()
        refuse_notion(self.bias)
        for name in ("floor", "prune_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise FairTuneError(f"`{name}` is {getattr(self, name):g}; give a number from 0 to 1.")
        if self.prune_steps < 0:
            raise FairTuneError(f"`prune_steps` is {self.prune_steps}; give 0 or more.")

    def arguments(self) -> dict[str, Scalar]:
        """Return that no gradient step is taken."""
        return {"num_train_epochs": 0}

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Check that there are groups and units.

        Raises:
            FairTuneError: there are fewer than two groups, or the model has no units that can be pruned.
        """
        sides_of(facts, self.name)
        if not unit_layers(model, facts.parts):
            raise FairTuneError(
                f"{self.name} finds no attention heads and no channels within blocks in this `{facts.model_type}`; "
                "choose another method, such as fairprune."
            )
        self.facts = facts
        return super().prepare(model, facts)

    @torch.no_grad()
    def finish(self, model: Any) -> None:
        """Prune step by step, then put the best model back, the same on every process."""
        layers = unit_layers(model, self.facts.parts)
        whole = [one.layer.weight.clone() for one in layers]
        kept = self._pruned(model, layers)
        for one, values in zip(layers, whole, strict=True):
            one.layer.weight.copy_(values)
        prune(layers, kept)
        for one in layers:
            one.layer.weight.copy_(broadcast(one.layer.weight.clone()))

    def record(self) -> StageRecord:
        """Return how many units were pruned, and bias and balanced accuracy on validation before and after."""
        return StageRecord(self.found)

    def _pruned(self, model: Any, layers: list[UnitLayer]) -> Tensor:
        """Prune the model, and return which units the best of all models lacks, bool [units]."""
        sides = sides_of(self.facts, self.name)
        measured, judge = (Judge.of(self.facts.rows[view], sides, self.bias) for view in ("measured", "validation"))
        before = judge(model)
        least, steps = Least.of(before, self.floor), 0
        gone = torch.zeros(sum(one.count for one in layers), dtype=torch.bool)
        kept, share = gone.clone(), max(1, round(self.prune_share * len(gone)))
        while steps < self.prune_steps and not gone.all():
            influence = influences(model, layers, measured, before.bias.sign()).masked_fill(gone, -torch.inf)
            gone[influence.argsort(descending=True, stable=True)[:share]] = True
            prune(layers, gone)
            verdict, steps = judge(model), steps + 1
            if least.takes(verdict):
                kept = gone.clone()
            if verdict.balanced_accuracy <= CHANCE:
                break
        self.found = {"pruned": f"{int(kept.sum())} of {len(kept)} units", "steps": steps, **least.facts()}
        return kept


def influences(model: Any, layers: list[UnitLayer], measured: Judge, signs: Tensor) -> Tensor:
    """Return the derivative by a factor on each unit, [units], of the mean of sign * bias over sides and classes.

    Args:
        layers: that read the units.
        measured: rows over which the bias is taken.
        signs: of the biases, [sides, classes].
    """
    device, start = next(model.parameters()).device, 0
    factors = [torch.ones(one.count, device=device, requires_grad=True) for one in layers]
    total = torch.zeros(sum(one.count for one in layers), dtype=torch.float64)
    weights = (measured.weights(signs.shape[1]) * signs.unsqueeze(1)).mean(0) / signs.shape[1]
    hooks = [
        one.layer.register_forward_pre_hook(lambda _, args, one=one, own=own: (one.scaled(args[0], own), *args[1:]))
        for one, own in zip(layers, factors, strict=True)
    ]
    try:
        with frozen_eval(model), torch.enable_grad():
            for batch in DataLoader(measured.rows, batch_size=64, generator=torch.Generator()):
                outputs, labels = forward(model, {"pixel_values": batch["pixel_values"].to(device)}), batch["labels"]
                scores = probabilities(outputs.logits, labels.to(device))
                bias = (scores * weights[start : start + len(labels)].to(scores)).sum()
                slopes = torch.autograd.grad(bias, factors)
                total += torch.cat(slopes).cpu().double()
                start += len(labels)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def prune(layers: list[UnitLayer], gone: Tensor) -> None:
    """Set units to 0; bool [units], in the order of their layers."""
    for one, own in zip(layers, gone.split([one.count for one in layers]), strict=True):
        one.prune(own.nonzero().flatten())


METHOD = DiffPrune
