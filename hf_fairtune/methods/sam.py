"""SAM, sharpness-aware minimisation (Foret et al., ICLR 2021): the gradient where the loss nearby is highest."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import torch
from optuna.distributions import FloatDistribution
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import FairTuneError
from .method import Batch, Method, StockTrainer, flag


@dataclass(kw_only=True)
class Sam(Method):
    """Take the gradient at w + rho * g / |g|, g being the gradient at w (eq. 2 and 3); two passes a batch."""

    title: ClassVar[str] = "SAM"
    citation: ClassVar[str] = """\
@inproceedings{foret2021sharpness,
  title = {Sharpness-Aware Minimization for Efficiently Improving Generalization},
  author = {Pierre Foret and Ariel Kleiner and Hossein Mobahi and Behnam Neyshabur},
  booktitle = {International Conference on Learning Representations},
  year = {2021}
}"""

    rho: float = flag(
        0.05, "Radius of the neighbourhood; 0 is plain fine-tuning.", FloatDistribution(0.01, 2.0, log=True)
    )

    def __post_init__(self) -> None:
        """Refuse a negative radius."""
        if not self.rho >= 0:
            raise FairTuneError(f"`rho` is {self.rho:g}; give 0 or more.")

    def step(self, trainer: StockTrainer, model: nn.Module, batch: Batch) -> Tensor:
        """Add the gradient at the worst point nearby; weights and running statistics stay as plain training's."""
        if self.rho == 0:
            return trainer.stock_step(model, batch)
        parameters = [p for p in model.parameters() if p.requires_grad]
        weights = [p.detach().clone() for p in parameters]
        accumulated = [p.grad for p in parameters]
        for parameter in parameters:
            parameter.grad = None
        loss = trainer.stock_step(model, batch)
        self._climb(parameters)
        # Gradients of earlier batches go back before the second pass, which processes share as a sum.
        for parameter, gradient in zip(parameters, accumulated, strict=True):
            parameter.grad = gradient
        with kept_statistics(model):
            trainer.stock_step(model, batch)
        with torch.no_grad():
            for parameter, weight in zip(parameters, weights, strict=True):
                parameter.copy_(weight)
        return loss

    @torch.no_grad()
    def _climb(self, parameters: list[nn.Parameter]) -> None:
        """Move the parameters by rho along their gradient."""
        moved = [(p, p.grad) for p in parameters if p.grad is not None]
        norm = torch.stack([gradient.float().norm() for _, gradient in moved]).norm()
        for parameter, gradient in moved:
            parameter.add_(gradient, alpha=float(self.rho / (norm + 1e-12)))


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


METHOD = Sam
