"""What SWiFT's comparisons by fine-tuning share: its equation 10 on all parameters, in one step."""

from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import FloatDistribution
from torch import Tensor

from ..errors import FairTuneError
from ..losses.balanced import balanced_cross_entropy
from .method import Needs, flag
from .penalised import Penalised
from .swift import Swift


@dataclass(kw_only=True)
class Constrained(Penalised):
    """Minimise alpha * balanced cross-entropy + (1 - alpha) * bias (eq. 10); the default is the published code's.

    A subclass says on which rows.
    """

    citation: ClassVar[str] = Swift.citation
    needs: ClassVar[Needs] = Needs(attribute_at_train=True, original_training_data=False)

    alpha: float = flag(
        0.1, "Weight of the prediction loss; the bias loss has the rest.", FloatDistribution(0.01, 1.0, log=True)
    )

    def __post_init__(self) -> None:
        """Refuse a weight outside [0, 1], and options that the balanced cross-entropy does not have."""
        if not 0 <= self.alpha <= 1:
            raise FairTuneError(f"`alpha` is {self.alpha:g}; give a weight from 0 to 1.")
        self.refuse_options()
        super().__post_init__()

    def weights(self) -> tuple[float, float]:
        """Return alpha and 1 - alpha."""
        return self.alpha, 1 - self.alpha

    def prediction(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy in which every class weighs the same (eq. 1)."""
        return balanced_cross_entropy(logits.float(), labels)
