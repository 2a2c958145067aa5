"""A model in evaluation mode without trainable parameters, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def quiet(model: nn.Module) -> Iterator[None]:
    """Put every module in evaluation mode and let no parameter require a gradient; restore each at the end."""
    modes = {module: module.training for module in model.modules()}
    trainable = {parameter: parameter.requires_grad for parameter in model.parameters()}
    try:
        model.eval().requires_grad_(False)
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        for parameter, required in trainable.items():
            parameter.requires_grad_(required)
