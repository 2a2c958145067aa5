"""A module that is attached to a head while a method trains: it reads what the head reads, and is gone at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..errors import FairTuneError
from ..families.head import find_head

NAME = "attached"


class Attached(nn.Module):
    """A child of the head's layer, so that optimizer, checkpoints and DDP see its parameters.

    It runs within the model's own forward pass, as DDP wants, after the layer. A layer has one at a time.

    Args:
        values: of its parameters by name, which are drawn without the state of chance that a training goes on with.
    """

    handle: RemovableHandle | None = None
    seen: tuple[Tensor, ...] | None = None

    def __init__(self, **values: Tensor) -> None:
        super().__init__()
        for name, start in values.items():
            self.register_parameter(name, nn.Parameter(start))

    def forward(self, layer: nn.Linear, features: Tensor, logits: Tensor) -> Tensor:
        """Return the logits that the model gives; with gradients, keep in `seen` what a loss is calculated of.

        Args:
            layer: of the head.
            features: what it read, [n, d].
            logits: what it gave, which are returned as they are.
        """
        if not torch.is_grad_enabled():
            return logits
        self.seen = self.read(features)
        return tied(logits, self.seen)

    def read(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return what a loss is calculated of, by row; as it is, the features, [n, d]."""
        return (features,)

    def merge(self, layer: nn.Linear) -> None:
        """Write into the layer what has to stay of this module."""


def tied(logits: Tensor, seen: tuple[Tensor, ...]) -> Tensor:
    """Return the logits as they are, but in DDP's eyes made of `seen`: it looks there for what takes part."""
    # In float32: in half precision a sum could be infinite, and 0 times it NaN.
    nothing = 0 * torch.stack([values.float().sum() for values in seen]).sum()
    return logits + nothing.to(logits)


def attach(model: Any, head: str | None, make: Callable[[nn.Linear], Attached]) -> None:
    """Attach a new module to the head in place.

    Args:
        model: a plain classifier with nothing attached; see `detach`.
        head: module of its head; None to look for it.
        make: returns the module for a layer, whose `weight` has d numbers a class.

    Raises:
        FairTuneError: a PEFT model, whose checkpoints would not hold the module, or a head that is no linear layer.
    """
    if isinstance(model, PeftModel):
        raise FairTuneError(
            "the model is a PEFT model, whose checkpoints hold only its adapter; give the plain model."
        )
    name = find_head(model, head)
    layer: Any = model.get_submodule(name)
    if not isinstance(layer, nn.Linear):
        raise FairTuneError(
            f"head `{name}` is a {type(layer).__name__}, but the method reads what a linear layer reads; choose "
            "another method, such as groupdro or penalty."
        )
    module = make(layer).to(layer.weight.device)
    layer.add_module(NAME, module)
    # A function of the module level, which a copy of the model can share.
    module.handle = layer.register_forward_hook(run_attached)


def run_attached(layer: nn.Linear, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """Run what is attached to a layer after it.

    Raises:
        FairTuneError: the layer reads more than one vector of an image.
    """
    features = args[0]
    if features.ndim != 2:
        raise FairTuneError(
            f"the head reads {features.ndim - 1} dimensions of an image, but the method wants one vector; choose "
            "another method, such as groupdro or penalty."
        )
    found: Tensor = layer.get_submodule(NAME)(layer, features, output)
    return found


def attached_to(model: nn.Module) -> Attached | None:
    """Return what is attached in a model, also within DDP; None if nothing is."""
    return next((module for module in model.modules() if isinstance(module, Attached)), None)


def take_seen(model: nn.Module, method: str) -> tuple[Tensor, ...]:
    """Return what the attached module kept of the last forward pass, once.

    Raises:
        FairTuneError: nothing is attached, or its pass was that of a copy.
    """
    module = attached_to(model)
    if module is None or module.seen is None:
        raise FairTuneError(
            f"{method} does not see what the head reads; call `prepare(model, facts)` before each training, as "
            "FairTrainer does when it is made, and give each process one device."
        )
    seen, module.seen = module.seen, None
    return seen


@torch.no_grad()
def detach(model: nn.Module) -> None:
    """Merge what is attached into the head and remove it, so that the model has its own names again."""
    module = attached_to(model)
    if module is None:
        return
    layer: Any = next(one for one in model.modules() if getattr(one, NAME, None) is module)
    module.merge(layer)
    assert module.handle is not None
    module.handle.remove()
    delattr(layer, NAME)
