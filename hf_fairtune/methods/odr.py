"""ODR (Sarhan et al., ECCV 2020): a random code for the target and one for the group, kept apart by their priors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from optuna.distributions import FloatDistribution
from torch import Tensor, nn
from torch.nn import functional

from ..errors import FairTuneError
from .adversarial import negative_entropy
from .attached import Attached, tied
from .facts import Facts
from .feature_loss import FeatureLoss
from .method import flag


class Codes(Attached):
    """Two Gaussian codes of the features, target and sensitive: means and log-variances are linear in the features.

    The head reads the target code, and a linear predictor of the group the sensitive one. At first the mean target
    code is the features themselves. Evaluations take the mean, so that its map and the head are one linear head.

    Args:
        width: features of a row, and numbers of a code.
        groups: that the predictor knows.
        seed: of the first weights of sensitive mean and predictor, uniform in ±1 / sqrt(width).
    """

    means: nn.Parameter
    mean_biases: nn.Parameter
    spreads: nn.Parameter
    spread_biases: nn.Parameter
    predictor: nn.Parameter
    predictor_bias: nn.Parameter

    def __init__(self, width: int, groups: int, seed: int) -> None:
        draw = torch.Generator().manual_seed(seed)
        mean, predictor = ((2 * torch.rand(n, width, generator=draw) - 1) / width**0.5 for n in (width, groups))
        super().__init__(
            means=torch.stack([torch.eye(width), mean]),
            mean_biases=torch.zeros(2, width),
            spreads=torch.zeros(2, width, width),
            spread_biases=torch.zeros(2, width),
            predictor=predictor,
            predictor_bias=torch.zeros(groups),
        )

    def forward(self, layer: nn.Linear, features: Tensor, logits: Tensor) -> Tensor:
        """Return the logits of the mean target code; with gradients those of a drawn one, and keep what a loss takes.

        That is the divergence of both codes from their priors, [n], and the logits of the groups, [n, groups]: of the
        sensitive code, and of the target code with a predictor that stands still.
        """
        exact = features.float()
        if not torch.is_grad_enabled():
            mean = functional.linear(exact, self.means[0], self.mean_biases[0])
            return functional.linear(mean.to(features), layer.weight, layer.bias)
        (target, one), (sensitive, other) = self.code(exact, 0), self.code(exact.detach(), 1)
        own = functional.linear(sensitive, self.predictor, self.predictor_bias)
        still = functional.linear(target, self.predictor.detach(), self.predictor_bias.detach())
        self.seen = (one + other, own, still)
        return tied(functional.linear(target.to(features), layer.weight, layer.bias), self.seen)

    def code(self, features: Tensor, which: int) -> tuple[Tensor, Tensor]:
        """Draw a code, [n, width], with a gradient to its mean and variance; return it and its divergence, [n]."""
        mean = functional.linear(features, self.means[which], self.mean_biases[which])
        log_variance = functional.linear(features, self.spreads[which], self.spread_biases[which])
        drawn = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        return drawn, divergence(mean, log_variance, orthogonal_priors(mean.shape[1]).to(mean)[which])

    def merge(self, layer: nn.Linear) -> None:
        """Make the head one that reads the features, by the mean target code."""
        weight = layer.weight.double()
        layer.bias.add_((weight @ self.mean_biases[0].double()).to(layer.bias))
        layer.weight.copy_(weight @ self.means[0].double())


def orthogonal_priors(width: int) -> Tensor:
    """Return the means of the priors, [2, width]: unit vectors along the first and the last half of the numbers."""
    first = (torch.arange(width) < width // 2).float()
    return torch.stack([functional.normalize(half, dim=0) for half in (first, 1 - first)])


def divergence(mean: Tensor, log_variance: Tensor, prior: Tensor) -> Tensor:
    """Return KL(N(mean, variance) || N(prior, 1)) summed over a code's numbers, [n], of means and variances [n, d]."""
    return (log_variance.exp() + (mean - prior).square() - 1 - log_variance).sum(1) / 2


@dataclass(kw_only=True)
class Odr(FeatureLoss):
    """Minimise the cross-entropy of a drawn target code, and what keeps the group out of it.

    That is entropy_weight * E[sum p log p], where p is what the group's predictor, which stands still, makes of the
    target code; prior_weight * KL of both codes from normal priors with orthogonal means; and the predictor's
    cross-entropy on the sensitive code, which trains no layer before the codes. Weights stay as they are, where the
    paper lets them decay. With weights of 0 there are no codes.
    """

    title: ClassVar[str] = "ODR"
    citation: ClassVar[str] = """\
@inproceedings{sarhan2020fairness,
  title = {Fairness by Learning Orthogonal Disentangled Representations},
  author = {Mhd Hasan Sarhan and Nassir Navab and Abouzar Eslami and Shadi Albarqouni},
  booktitle = {European Conference on Computer Vision},
  year = {2020}
}"""

    entropy_weight: float = flag(
        0.1,
        "Weight of the entropy of the groups predicted from the target code.",
        FloatDistribution(0.01, 5.0, log=True),
    )
    prior_weight: float = flag(
        0.01, "Weight of the codes' divergence from their priors.", FloatDistribution(1e-4, 1.0, log=True)
    )

    def weights(self) -> dict[str, float]:
        """Return the weights of entropy and priors; both 0 are plain fine-tuning."""
        return {"entropy_weight": self.entropy_weight, "prior_weight": self.prior_weight}

    def module(self, layer: nn.Linear, facts: Facts) -> Attached:
        """Return the codes.

        Raises:
            FairTuneError: the head has no bias.
        """
        if not isinstance(layer.bias, Tensor):
            raise FairTuneError("the head has no bias to hold that of the target code; give it one.")
        return Codes(layer.in_features, facts.n_groups, facts.seed)

    def added(self, seen: tuple[Tensor, ...], labels: Tensor, groups: Tensor) -> Tensor:
        """Return the predictor's cross-entropy, the weighted negative entropy and divergence."""
        divergences, own, still = seen
        weighted = self.entropy_weight * negative_entropy(still) + self.prior_weight * divergences.mean()
        return functional.cross_entropy(own, groups) + weighted


METHOD = Odr
