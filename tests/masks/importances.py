"""Importances drawn at random, as the masks read them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Drawn:
    """Importance for prediction and for bias, parameter name -> tensor."""

    prediction: dict[str, Tensor]
    bias: dict[str, Tensor]


def drawn(model: nn.Module, seed: int = 0) -> Drawn:
    """Draw skewed non-negative importances, as squared gradients are."""
    generator = torch.Generator().manual_seed(seed)
    sides = [{n: torch.randn(p.shape, generator=generator) ** 4 for n, p in model.named_parameters()} for _ in "pb"]
    return Drawn(*sides)


def alone(prediction: list[float], bias: list[float]) -> Drawn:
    """Return importances of one parameter `w`."""
    return Drawn({"w": torch.tensor(prediction)}, {"w": torch.tensor(bias)})
