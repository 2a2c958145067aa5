"""The tensors of a model, and those that a training moved, by the names that they have in the plain model."""

from typing import Any

from torch import Tensor, nn

from ..errors import FairTuneError
from .head import plain

# Where PEFT's LN tuning holds the trained copy of a module, and the module itself.
PEFT, COPY, ORIGINAL = "base_model.model.", ".ln_tuning_layers.default", ".base_layer."


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Copy a model's parameters and buffers to the CPU."""
    return {name: values.detach().cpu().clone() for name, values in model.state_dict().items()}


def moved_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return the parameters that require a gradient and all buffers, on the CPU; names are those without PEFT.

    Put into the model that the training started from, they give the trained one, as PEFT's LN tuning replaces modules.
    """
    parameters = dict(model.named_parameters(remove_duplicate=False))
    found = {}
    for name, values in model.state_dict().items():
        trained = parameters[name].requires_grad if name in parameters else ORIGINAL not in name
        if trained:
            found[name.removeprefix(PEFT).replace(COPY, "")] = values.detach().cpu().clone()
    return found


def move(model: Any, tensors: dict[str, Tensor]) -> None:
    """Put moved tensors into a model that is as the training started from, in place.

    Raises:
        FairTuneError: it has no such tensors.
    """
    own: nn.Module = plain(model)
    kind = type(own).__name__
    try:
        unknown = own.load_state_dict(tensors, strict=False).unexpected_keys
    except RuntimeError as error:
        raise FairTuneError(
            f"the kept weights do not fit the model, a {kind}; search in another output_dir."
        ) from error
    if unknown:
        raise FairTuneError(f"`{unknown[0]}` is no tensor of the model, a {kind}; search in another output_dir.")
