"""LNL, learning not to learn (Kim et al., CVPR 2019): features from which the group cannot be predicted."""

from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import FloatDistribution
from torch import Tensor, nn
from torch.nn import functional

from .adversarial import Adversarial, Adversary, negative_entropy, predictions
from .facts import Facts
from .method import flag


class Predictor(Adversary):
    """A network that predicts the group, and the same one as the encoder sees it: its weights stand still there."""

    def read(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of the groups with the gradient reversed, and those whose gradient is the features' alone.

        Both are float32, [n, 1, groups].
        """
        still = (values.detach() for values in self.parameters())
        return *super().read(features), predictions(features, *still)


@dataclass(kw_only=True)
class Lnl(Adversarial):
    """Minimise cross-entropy + entropy_weight * E[sum p log p] + the predictor's cross-entropy.

    p are the predictor's probabilities of the groups, whose entropy the encoder alone raises. The predictor minimises
    its cross-entropy, which the encoder maximises with `reversal_weight`.
    """

    title: ClassVar[str] = "LNL"
    citation: ClassVar[str] = """\
@inproceedings{kim2019learning,
  title = {Learning Not to Learn: Training Deep Neural Networks with Biased Data},
  author = {Byungju Kim and Hyunwoo Kim and Kyungsu Kim and Sungjin Kim and Junmo Kim},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2019}
}"""

    entropy_weight: float = flag(
        0.1, "Weight of the entropy of the predicted groups.", FloatDistribution(0.01, 5.0, log=True)
    )
    reversal_weight: float = flag(
        0.1, "Weight of the predictor's loss in the encoder.", FloatDistribution(0.01, 5.0, log=True)
    )

    def weights(self) -> dict[str, float]:
        """Return the weights of entropy and reversed gradient; both 0 are plain fine-tuning."""
        return {"entropy_weight": self.entropy_weight, "reversal_weight": self.reversal_weight}

    def module(self, layer: nn.Linear, facts: Facts) -> Adversary:
        """Return the predictor."""
        return Predictor(self.sizes(layer, facts), facts.seed, self.reversal_weight)

    def added(self, seen: tuple[Tensor, ...], labels: Tensor, groups: Tensor) -> Tensor:
        """Return the predictor's cross-entropy and the weighted negative entropy."""
        logits, still = (part.squeeze(1) for part in seen)
        return functional.cross_entropy(logits, groups) + self.entropy_weight * negative_entropy(still)


METHOD = Lnl
