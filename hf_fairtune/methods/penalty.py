"""Fairness penalty: cross-entropy and a weighted differentiable bias, in one training."""

from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import FloatDistribution

from .method import Needs, flag
from .penalised import Penalised


@dataclass(kw_only=True)
class Penalty(Penalised):
    """Minimise cross-entropy + penalty * bias of each batch (Padala and Gujar, eq. 2, with a fixed multiplier).

    The bias loss says which notion of fairness: equalized_odds, statistical_parity, equal_opportunity, mmd, or
    worst_group. A penalty of 0 is plain fine-tuning, bit for bit.
    """

    title: ClassVar[str] = "Fairness penalty"
    citation: ClassVar[str] = """\
@inproceedings{padala2020fnnc,
  title = {{FNNC}: Achieving Fairness through Neural Networks},
  author = {Manisha Padala and Sujit Gujar},
  booktitle = {International Joint Conference on Artificial Intelligence},
  year = {2020}
}"""

    needs: ClassVar[Needs] = Needs(attribute_at_train=True)

    penalty: float = flag(
        1.0,
        "Weight of the bias loss beside the cross-entropy; 0 is plain fine-tuning.",
        FloatDistribution(0.01, 5.0, log=True),
    )

    def weights(self) -> tuple[float, float]:
        """Return 1 and the penalty."""
        return 1.0, self.penalty


METHOD = Penalty
