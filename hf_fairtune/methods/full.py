"""Full fine-tuning: every parameter moves; the baseline called ERM in MEDFAIR (Zong et al., ICLR 2023)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from .method import Method


@dataclass(frozen=True)
class Full(Method):
    """Train all parameters, embeddings and final norm too."""

    citation: ClassVar[str] = "Vapnik, An overview of statistical learning theory, 1999"

    def prepare(self, model: Any) -> Any:
        """Return the model with every parameter trainable."""
        return model.requires_grad_(True)


METHOD = Full
