"""The model as it is: nothing is trained, so that what others change can be seen beside it."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ..document.scalar import Scalar
from .constrained import Constrained
from .facts import Facts
from .features import head_alone
from .method import Method, Needs


@dataclass(kw_only=True)
class Unchanged(Method):
    """Take no step; the baseline of SWiFT's tables, with which a repaired model is compared."""

    title: ClassVar[str] = "No repair"
    citation: ClassVar[str] = Constrained.citation
    needs: ClassVar[Needs] = Needs(original_training_data=False)
    trains: ClassVar[str] = "nothing"
    takes_mask: ClassVar[bool] = False

    def arguments(self) -> dict[str, Scalar]:
        """Return that the Trainer takes no step."""
        return {"num_train_epochs": 0}

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Leave the head alone to move, in no step."""
        return head_alone(model, facts.head)


METHOD = Unchanged
