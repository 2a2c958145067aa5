"""What methods with an adversary share: networks that predict the group from what the head reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import FairTuneError
from .attached import Attached
from .facts import Facts
from .feature_loss import FeatureLoss
from .method import flag


class Reversal(torch.autograd.Function):
    """Values as they are, whose gradient is multiplied by -weight on its way back (Ganin & Lempitsky, ICML 2015)."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: float) -> Tensor:
        """Return the values."""
        ctx.weight = weight
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the reversed gradient."""
        return -ctx.weight * gradients[0], None


class Adversary(Attached):
    """Networks of two layers that predict the group.

    What they minimise, the layers before the head maximise with the weight `reversal`: one loss is a game of both.

    Args:
        sizes: features, hidden units, groups.
        seed: of the first weights, uniform in ±1 / sqrt(inputs) of a layer.
        reversal: weight of the reversed gradient.
        networks: independent ones.
        labels: of a single network that reads [features; label], each of which adds its own to the hidden units.
    """

    def __init__(
        self, sizes: tuple[int, int, int], seed: int, reversal: float, networks: int = 1, labels: int = 1
    ) -> None:
        width, hidden, groups = sizes
        draw = torch.Generator().manual_seed(seed)

        def uniform(inputs: int, *shape: int) -> Tensor:
            return (2 * torch.rand(shape, generator=draw) - 1) / inputs**0.5

        super().__init__(
            first=uniform(width, networks, hidden, width),
            first_bias=uniform(width, max(networks, labels), hidden),
            second=uniform(hidden, networks, groups, hidden),
            second_bias=uniform(hidden, networks, groups),
        )
        self.reversal = reversal

    def read(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of the groups, [n, networks or labels, groups], for features [n, d]."""
        reversed_features: Tensor = Reversal.apply(features, self.reversal)
        return (predictions(reversed_features, *self.parameters()),)


def predictions(features: Tensor, first: Tensor, first_bias: Tensor, second: Tensor, second_bias: Tensor) -> Tensor:
    """Return the logits of the groups of an adversary's parameters, float32 [n, networks or labels, groups]."""
    units = (torch.einsum("nd,khd->nkh", features.float(), first) + first_bias).relu()
    return torch.einsum("nkh,kgh->nkg", units, second.expand(units.shape[1], -1, -1)).float() + second_bias


def negative_entropy(logits: Tensor) -> Tensor:
    """Return the mean over rows of sum p log p, from -log(groups) on; logits are [n, groups]."""
    return (logits.softmax(1) * logits.log_softmax(1)).sum(1).mean()


@dataclass(kw_only=True)
class Adversarial(FeatureLoss):
    """Minimise cross-entropy + the loss of an adversary, which is of any number of groups."""

    hidden: int = flag(64, "Hidden units of the adversary.")

    def __post_init__(self) -> None:
        """Refuse an adversary without units, too."""
        super().__post_init__()
        if self.hidden < 1:
            raise FairTuneError(f"`hidden` is {self.hidden}; give 1 or more.")

    def sizes(self, layer: nn.Linear, facts: Facts) -> tuple[int, int, int]:
        """Return the features, hidden units and groups of an adversary."""
        return layer.in_features, self.hidden, facts.n_groups
