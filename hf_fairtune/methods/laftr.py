"""LAFTR (Madras et al., ICML 2018): an adversary that guesses the group, paid by group and label alike."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import torch
from optuna.distributions import FloatDistribution
from torch import Tensor, nn

from ..errors import FairTuneError
from .adversarial import Adversarial, Adversary
from .facts import Facts
from .method import flag

Fairness = Literal["equalized_odds", "statistical_parity"]


@dataclass(kw_only=True)
class Laftr(Adversarial):
    """Play cross-entropy against an adversary that minimises the L1 loss of each group and label, summed.

    The L1 loss of a row is 1 - the probability of its own group; that of a cell is its mean over rows of the batch.
    For equalized odds the adversary reads [features; label] and cells are groups by labels, for statistical parity
    it reads features and cells are groups. The encoder maximises what the adversary minimises.
    """

    title: ClassVar[str] = "LAFTR"
    citation: ClassVar[str] = """\
@inproceedings{madras2018learning,
  title = {Learning Adversarially Fair and Transferable Representations},
  author = {David Madras and Elliot Creager and Toniann Pitassi and Richard Zemel},
  booktitle = {International Conference on Machine Learning},
  year = {2018}
}"""

    fairness: Fairness = flag("equalized_odds", "What the adversary tests: equalized_odds or statistical_parity.")
    fair_weight: float = flag(
        1.0,
        "Weight of the adversary's loss in the encoder; 0 is plain fine-tuning.",
        FloatDistribution(0.01, 5.0, log=True),
    )

    def __post_init__(self) -> None:
        """Refuse a word that is none of the choices, too."""
        super().__post_init__()
        if self.fairness not in get_args(Fairness):
            raise FairTuneError(f"`fairness` is {self.fairness!r}; choose {', '.join(get_args(Fairness))}.")

    def weights(self) -> dict[str, float]:
        """Return the weight of the adversary's loss."""
        return {"fair_weight": self.fair_weight}

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything, with the adversary attached; findings are refused where it reads the label."""
        if self.fairness == "equalized_odds":
            self.refuse_findings(model)
        return super().prepare(model, facts)

    def module(self, layer: nn.Linear, facts: Facts) -> Adversary:
        """Return the adversary, which reads the label for equalized odds."""
        labels = layer.out_features if self.fairness == "equalized_odds" else 1
        return Adversary(self.sizes(layer, facts), facts.seed, self.fair_weight, labels=labels)

    def added(self, seen: tuple[Tensor, ...], labels: Tensor, groups: Tensor) -> Tensor:
        """Return the adversary's loss of a batch, with its gradient reversed for the encoder."""
        (logits,) = seen
        if self.fairness == "statistical_parity":
            labels = torch.zeros_like(groups)
        rows = torch.arange(len(labels), device=labels.device)
        own = logits[rows, labels].softmax(1).gather(1, groups.unsqueeze(1)).squeeze(1)
        return sum_of_cells(1 - own, labels * logits.shape[2] + groups, logits.shape[1] * logits.shape[2])


def sum_of_cells(values: Tensor, cells: Tensor, count: int) -> Tensor:
    """Return the sum over cells of the mean over the rows of each; a cell without rows adds nothing.

    Args:
        values: [n].
        cells: the cell of each row, codes [n].
        count: number of cells.
    """
    sums, rows = (values.new_zeros(count).index_add(0, cells, part) for part in (values, torch.ones_like(values)))
    return (sums / rows.clamp(min=1)).sum()


METHOD = Laftr
