"""FullFT-RW, a comparison of SWiFT: all parameters on the balanced external set, by the prediction loss alone."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from ..losses.balanced import balanced_cross_entropy
from .constrained import Constrained
from .method import Batch, Method, Needs, forward


@dataclass(kw_only=True)
class Rw(Method):
    """Minimise SWiFT's eq. 1 on the external set, where every group has equally many rows of each label."""

    title: ClassVar[str] = "FullFT-RW"
    citation: ClassVar[str] = Constrained.citation
    needs: ClassVar[Needs] = Constrained.needs

    def __post_init__(self) -> None:
        """Refuse options that the balanced cross-entropy does not have."""
        self.refuse_options()

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Any]:
        """Return the cross-entropy in which every class of the batch weighs the same."""
        outputs = forward(model, batch)
        return balanced_cross_entropy(outputs.logits.float(), batch["labels"]), outputs


METHOD = Rw
