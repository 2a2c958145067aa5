"""Importances drawn at random, as the masks read them."""

import torch
from torch import Tensor, nn

from hf_fairtune.importance.importance import Importance
from hf_fairtune.losses.contrast import EachGroup


def of(prediction: dict[str, Tensor], bias: dict[str, Tensor]) -> Importance:
    """Return importances of no rows, parameter name -> tensor."""
    return Importance(prediction, bias, 0, 0, EachGroup((0, 1)))


def drawn(model: nn.Module, seed: int = 0) -> Importance:
    """Draw skewed non-negative importances, as squared gradients are."""
    generator = torch.Generator().manual_seed(seed)
    sides = [{n: torch.randn(p.shape, generator=generator) ** 4 for n, p in model.named_parameters()} for _ in "pb"]
    return of(*sides)


def alone(prediction: list[float], bias: list[float]) -> Importance:
    """Return importances of one parameter `w`."""
    return of({"w": torch.tensor(prediction)}, {"w": torch.tensor(bias)})
