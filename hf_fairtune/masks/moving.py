"""What a training moves: the weights that require a gradient, and running statistics, which no average has."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..errors import FairTuneError
from .soft_mask_callback import plain_name


def trained(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """List the parameters that training moves, under the names of the plain model."""
    return [(plain_name(name), values) for name, values in model.named_parameters() if values.requires_grad]


def running(model: nn.Module) -> list[tuple[str, Tensor]]:
    """List the buffers that training might move."""
    return [(plain_name(name), values) for name, values in model.named_buffers() if values.is_floating_point()]


def refuse_moving(model: nn.Module, before: Mapping[str, Tensor], way: str) -> None:
    """Refuse running statistics that a step moved, as those of a BatchNorm: they are not those of averaged weights.

    Args:
        before: copies of `running(model)` from before the step.
        way: what to leave out.
    """
    for name, values in running(model):
        if not torch.equal(values, before[name]):
            raise FairTuneError(
                f"`{name}` moves in training, and would not be that of averaged weights; {way}, or keep the "
                "statistics still with `EvalModeCallback` (`--batch_norm eval`)."
            )
