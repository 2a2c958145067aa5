"""A model in evaluation mode for a while, left as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def frozen_eval(model: nn.Module) -> Iterator[None]:
    """Put every module in evaluation mode, and each back into its own mode at the end, after an error too.

    Gradients are the caller's affair: neither `requires_grad` nor autograd's mode is touched.
    """
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
