"""Weights moved for a while to where a loss nearby is higher: what sharpness-aware methods share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def climbed(model: nn.Module, rho: float, ascent: Callable[[], Tensor]) -> Iterator[Tensor]:
    """Move the trained weights by rho along the gradient that `ascent` adds, and put them back at the end.

    Gradients of earlier batches stay as they are, and running statistics are kept meanwhile.

    Yields:
        The loss that `ascent` returned, at the weights as they were.

    Source: Foret et al., SAM (ICLR 2021), eq. 2.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    weights = [p.detach().clone() for p in parameters]
    accumulated = [p.grad for p in parameters]
    for parameter in parameters:
        parameter.grad = None
    loss = ascent()
    climb(parameters, rho)
    # Gradients of earlier batches go back before the next pass, which processes share as a sum.
    for parameter, gradient in zip(parameters, accumulated, strict=True):
        parameter.grad = gradient
    with kept_statistics(model):
        yield loss
    with torch.no_grad():
        for parameter, weight in zip(parameters, weights, strict=True):
            parameter.copy_(weight)


@torch.no_grad()
def climb(parameters: list[nn.Parameter], rho: float) -> None:
    """Move parameters by rho along their gradient."""
    moved = [(p, p.grad) for p in parameters if p.grad is not None]
    norm = torch.stack([gradient.float().norm() for _, gradient in moved]).norm()
    for parameter, gradient in moved:
        parameter.add_(gradient, alpha=float(rho / (norm + 1e-12)))


@contextmanager
def kept_statistics(model: nn.Module) -> Iterator[None]:
    """Keep the running statistics of batch norms for a while."""
    momenta = {module: module.momentum for module in model.modules() if isinstance(module, _BatchNorm)}
    try:
        for module in momenta:
            module.momentum = 0.0
        yield
    finally:
        for module, momentum in momenta.items():
            module.momentum = momentum
