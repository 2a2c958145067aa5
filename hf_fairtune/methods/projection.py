"""A projection of what a head reads, for contrastive training: trained with the model, no part of its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize
from torch.utils.hooks import RemovableHandle

from ..families.head import find_head
from .checkpoint_file import CheckpointFile

MODULE = "contrastive_projection"


class Projection(nn.Module):
    """Two layers with a ReLU between, width -> width -> outputs, whose result has length 1.

    Its weights are left out of the model's `state_dict`, so that files of the model are those of a plain one.

    Args:
        width: of what the head reads.
        outputs: of the projection.
        seed: of the weights, drawn as `torch.nn.Linear` draws them.
    """

    def __init__(self, width: int, outputs: int, seed: int) -> None:
        super().__init__()
        draw, reach = torch.Generator().manual_seed(seed), width**-0.5
        first, second = (torch.rand(rows, width + 1, generator=draw) * 2 * reach - reach for rows in (width, outputs))
        self.first, self.first_bias = nn.Parameter(first[:, :-1].clone()), nn.Parameter(first[:, -1].clone())
        self.second, self.second_bias = nn.Parameter(second[:, :-1].clone()), nn.Parameter(second[:, -1].clone())
        self.latest: Tensor | None = None
        self.handle: RemovableHandle | None = None

    def forward(self, features: Tensor) -> Tensor:
        """Project features [n, width] to [n, outputs]."""
        hidden = linear(features, self.first, self.first_bias).relu()
        return normalize(linear(hidden, self.second, self.second_bias).float(), dim=1)

    def before(self, _: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Keep the projection of what the head is about to read; a hook of the head."""
        self.latest = self(args[0].flatten(1))
        # DDP takes a parameter from which no output follows for unused.
        return args[0] + 0 * self.latest.sum(), *args[1:]

    def take(self) -> Tensor:
        """Return the projections of the last forward pass, [n, outputs], and let go of them."""
        latest, self.latest = self.latest, None
        assert latest is not None
        return latest

    def _save_to_state_dict(self, *_: Any) -> None:
        """Leave the weights out."""

    def _load_from_state_dict(self, *_: Any) -> None:
        """Miss none."""


def attach(model: nn.Module, name: str | None, outputs: int, seed: int) -> Projection:
    """Give a model a new projection of what its head reads; logits stay. `name` is the head's, None to look for it."""
    detach(model)
    layer: Any = model.get_submodule(find_head(model, name))
    projection = Projection(layer.weight.shape[1], outputs, seed).to(layer.weight)
    model.add_module(MODULE, projection)
    projection.handle = layer.register_forward_pre_hook(projection.before)
    return projection


def detach(model: nn.Module) -> None:
    """Take the projection off, if there is one."""
    projection: Any = getattr(model, MODULE, None)
    if projection is not None:
        projection.handle.remove()
        delattr(model, MODULE)


class ProjectionCallback(CheckpointFile):
    """Keep a projection's weights in each checkpoint, and take them up from the one that is resumed."""

    file_name = "projection.safetensors"

    def __init__(self, projection: Projection) -> None:
        self.projection = projection

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the weights."""
        return dict(self.projection.named_parameters())

    @torch.no_grad()
    def take(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the weights up."""
        for name, values in self.projection.named_parameters():
            values.copy_(tensors[name])
