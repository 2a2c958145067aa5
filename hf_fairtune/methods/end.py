"""EnD, entangling and disentangling (Tartaglione et al., CVPR 2021): which rows' features may be alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from optuna.distributions import FloatDistribution
from torch import Tensor, nn
from torch.nn import functional

from .attached import Attached
from .facts import Facts
from .feature_loss import FeatureLoss
from .method import flag


@dataclass(kw_only=True)
class End(FeatureLoss):
    """Minimise cross-entropy + alpha * mean |cos| + beta * mean (1 - cos) / 2, of pairs of rows of a batch.

    The cosine is that of what the head reads of two rows. The first mean is over pairs of the same group, the second
    over pairs of different groups with the same label. A mean without pairs is 0 and is counted.
    """

    title: ClassVar[str] = "EnD"
    citation: ClassVar[str] = """\
@inproceedings{tartaglione2021end,
  title = {{EnD}: Entangling and Disentangling Deep Representations for Bias Correction},
  author = {Enzo Tartaglione and Carlo Alberto Barbano and Marco Grangetto},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2021}
}"""

    alpha: float = flag(
        0.1, "Weight of de-correlating rows of the same group.", FloatDistribution(0.01, 5.0, log=True)
    )
    beta: float = flag(
        0.1, "Weight of correlating rows of a label across groups.", FloatDistribution(0.01, 5.0, log=True)
    )
    without_pairs: Tensor | int = field(default=0, init=False, repr=False, compare=False)

    def weights(self) -> dict[str, float]:
        """Return alpha and beta; both 0 are plain fine-tuning."""
        return {"alpha": self.alpha, "beta": self.beta}

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything, and read what the head reads; findings are refused."""
        self.refuse_findings(model)
        self.without_pairs = 0
        return super().prepare(model, facts)

    def module(self, layer: nn.Linear, facts: Facts) -> Attached:
        """Return a module without parameters, which keeps the features."""
        return Attached()

    def added(self, seen: tuple[Tensor, ...], labels: Tensor, groups: Tensor) -> Tensor:
        """Return the weighted means of a batch."""
        rows = functional.normalize(seen[0].float(), dim=1)
        cosine, own = rows @ rows.T, groups.unsqueeze(1) == groups
        other = ~own & (labels.unsqueeze(1) == labels)
        own = own & ~torch.eye(len(rows), dtype=torch.bool, device=own.device)
        self.without_pairs = self.without_pairs + (~own.any()).long() + (~other.any()).long()
        return self.alpha * mean_where(own, cosine.abs()) + self.beta * mean_where(other, (1 - cosine) / 2)

    def state(self) -> dict[str, Any]:
        """Return how many means had no pairs so far."""
        return {"without_pairs": int(self.without_pairs)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on counting."""
        self.without_pairs = int(state["without_pairs"])


def mean_where(chosen: Tensor, values: Tensor) -> Tensor:
    """Return the mean of the values that are chosen, 0 if none is."""
    return torch.where(chosen, values, 0).sum() / chosen.sum().clamp(min=1)


METHOD = End
