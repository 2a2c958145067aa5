"""What a head reads of some rows, calculated once, and a head written into a model: for methods that fit it alone."""

from __future__ import annotations

from typing import Any

import torch
from accelerate.utils import broadcast
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..errors import FairTuneError
from ..families.frozen_eval import frozen_eval
from ..families.head import find_head, head_parameters
from .facts import Facts


def head_alone(model: Any, name: str | None) -> Any:
    """Return the model with nothing but the head requiring a gradient; `name` is the head's, None to look for it."""
    head = head_parameters(model, find_head(model, name))
    for parameter, values in model.named_parameters():
        values.requires_grad_(parameter in head)
    return model


def features_of(model: Any, facts: Facts, view: str) -> tuple[Tensor, Tensor, Tensor]:
    """Run the rows of a view through the model once: what the head reads, float64 [n, d], labels and group codes."""
    layer = model.get_submodule(find_head(model, facts.head))
    inputs: list[Tensor] = []
    labels, groups = [], []
    hook = layer.register_forward_pre_hook(lambda _, args: inputs.append(args[0].flatten(1).double().cpu()))
    try:
        with frozen_eval(model), torch.no_grad():
            for batch in DataLoader(facts.rows[view], batch_size=64):
                model(pixel_values=batch["pixel_values"].to(layer.weight.device))
                labels.append(batch["labels"])
                groups.append(batch["groups"])
    finally:
        hook.remove()
    return torch.cat(inputs), torch.cat(labels), torch.cat(groups)


@torch.no_grad()
def write_head(model: Any, name: str | None, weights: Tensor, bias: Tensor) -> None:
    """Make the head's log-odds w x + b, or each of its logits, the same on every process.

    Raises:
        FairTuneError: the head has no bias.
    """
    layer: nn.Module = model.get_submodule(find_head(model, name))
    if not isinstance(layer.bias, Tensor) or not isinstance(layer.weight, Tensor):
        raise FairTuneError("the head has no bias to hold an intercept; give it one.")
    if weights.ndim == 1:
        weights, bias = (torch.stack([-half, half]) for half in (weights / 2, bias / 2))
    rows = broadcast(torch.column_stack([weights, bias]).to(layer.weight))
    layer.weight.copy_(rows[:, :-1].reshape(layer.weight.shape))
    layer.bias.copy_(rows[:, -1])
