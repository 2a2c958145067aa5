"""CFair (Zhao et al., ICLR 2020): an adversary for each label, in which every group weighs the same."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from optuna.distributions import FloatDistribution
from torch import Tensor, nn
from torch.nn import functional

from .adversarial import Adversarial, Adversary
from .facts import Facts
from .method import flag


@dataclass(kw_only=True)
class CFair(Adversarial):
    """Play cross-entropy against one adversary a label, which minimises a balanced error.

    The adversary of label y minimises the mean of its cross-entropy over the rows of the batch with that label. A row
    of group g has weight n_y / (k n_gy), where k groups have such rows in the training data, so that each group counts
    the same. The gradient is reversed for the encoder. With `class_weights` balanced the prediction loss is a balanced
    error, too, as in the paper; without it, this is the variant for equalized odds of its code.
    """

    title: ClassVar[str] = "CFair"
    citation: ClassVar[str] = """\
@inproceedings{zhao2020conditional,
  title = {Conditional Learning of Fair Representations},
  author = {Han Zhao and Amanda Coston and Tameem Adel and Geoffrey J. Gordon},
  booktitle = {International Conference on Learning Representations},
  year = {2020}
}"""

    fair_weight: float = flag(
        0.1,
        "Weight of the adversaries' losses in the encoder; 0 is plain fine-tuning.",
        FloatDistribution(0.01, 5.0, log=True),
    )
    balance: Tensor = field(default_factory=lambda: torch.zeros(0), init=False, repr=False, compare=False)

    def weights(self) -> dict[str, float]:
        """Return the weight of the adversaries' losses."""
        return {"fair_weight": self.fair_weight}

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything, with the adversaries attached; findings are refused."""
        self.refuse_findings(model)
        self.balance = torch.from_numpy(balanced(facts.cells))
        return super().prepare(model, facts)

    def module(self, layer: nn.Linear, facts: Facts) -> Adversary:
        """Return an adversary for each label."""
        return Adversary(self.sizes(layer, facts), facts.seed, self.fair_weight, networks=layer.out_features)

    def added(self, seen: tuple[Tensor, ...], labels: Tensor, groups: Tensor) -> Tensor:
        """Return the sum of the adversaries' losses of a batch; one without rows of its label adds nothing."""
        (logits,) = seen
        rows = torch.arange(len(labels), device=labels.device)
        terms = functional.cross_entropy(logits[rows, labels], groups, reduction="none")
        counts = functional.one_hot(labels, logits.shape[1]).sum(0)
        return (self.balance.to(terms)[groups, labels] / counts[labels] * terms).sum()


def balanced(cells: np.ndarray) -> np.ndarray:
    """Return n_y / (k n_gy) by group and label, float64 [groups, labels]; 1 in a cell without rows.

    Args:
        cells: rows by group and label, int [groups, labels]; k is the number of groups with rows of the label.
    """
    present = np.count_nonzero(cells, axis=0)
    return np.where(cells > 0, cells.sum(0) / np.maximum(present * cells, 1), 1.0)


METHOD = CFair
