"""What can be pruned of a model whole: the channels that a block keeps inside, and its attention heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .blocks import blocks_of, is_attention
from .parts import Part

HEADS = ("num_attention_heads", "num_heads")
INSIDE = ("mlp", "convolution")


@dataclass(frozen=True)
class UnitLayer:
    """A layer that reads units: each is `width` neighbouring inputs of it, set to 0 where the unit is pruned.

    Args:
        name: of the layer in the model.
        layer: linear, or a convolution of one group.
        count: of its units.
        width: inputs of one: 1, or those of an attention head.
    """

    name: str
    layer: Any
    count: int
    width: int

    def scaled(self, inputs: Tensor, factors: Tensor) -> Tensor:
        """Multiply each unit of inputs, [n, channels, height, width] or [..., channels], by its factor, [count]."""
        each = factors.to(inputs).repeat_interleave(self.width)
        return inputs * (each.view(-1, 1, 1) if isinstance(self.layer, nn.Conv2d) else each)

    @torch.no_grad()
    def prune(self, units: Tensor) -> None:
        """Set the weights that read the units, indices [k], to 0."""
        weight = self.layer.weight
        inputs = units.unsqueeze(1) * self.width + torch.arange(self.width)
        weight[:, inputs.flatten().to(weight.device)] = 0


def unit_layers(model: nn.Module, parts: Sequence[Part]) -> list[UnitLayer]:
    """Return the layers of a plain model that read units, in its order.

    In each block they are the MLP's layers, or the convolutions, but the first of them, which reads what comes from
    outside the block; and the last layer of attention, which reads its heads side by side. Convolutions of several
    groups read no whole channels and are left out.

    Args:
        model: the plain model.
        parts: of it, as `parts_of` gives them.
    """
    names = {name: place for place, (name, _) in enumerate(model.named_parameters())}
    found = list[UnitLayer]()
    for part in parts:
        weights = [name for name in part.parameters if name.endswith(".weight")]
        layers = {name.removesuffix(".weight"): model.get_submodule(name.removesuffix(".weight")) for name in weights}
        layers = {name: layer for name, layer in layers.items() if isinstance(layer, nn.Linear | nn.Conv2d)}
        if part.block is not None and part.kind in INSIDE:
            found += [
                UnitLayer(n, layer, inputs_of(layer), 1) for n, layer in [*layers.items()][1:] if is_whole(layer)
            ]
        elif part.kind == "attention" and layers:
            name, layer = [*layers.items()][-1]
            heads = heads_near(model, name)
            if heads and isinstance(layer, nn.Linear) and layer.in_features % heads == 0:
                found.append(UnitLayer(name, layer, heads, layer.in_features // heads))
    return sorted(found, key=lambda one: names[f"{one.name}.weight"])


def is_whole(layer: nn.Module) -> bool:
    """Tell whether each output of a layer reads all channels."""
    return getattr(layer, "groups", 1) == 1


def inputs_of(layer: Any) -> int:
    """Return the number of channels that a layer reads."""
    count: int = layer.weight.shape[1]
    return count


def heads_near(model: Any, name: str) -> int:
    """Return the number of attention heads that the block around a layer says, or the config; 0 where neither does."""
    block = next((b.name for b in blocks_of(model) if name.startswith(f"{b.name}.")), "")
    attention = filter(is_attention, model.get_submodule(block).modules())
    said = (getattr(place, key, None) for place in (*attention, getattr(model, "config", None)) for key in HEADS)
    return next((count for count in said if isinstance(count, int)), 0)
