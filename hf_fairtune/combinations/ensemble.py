"""Several models, whose probabilities are averaged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from .combination import Combination
from .library import Library, Step
from .mean import MeanModel


@dataclass(frozen=True)
class Ensemble(Combination):
    """Average the probabilities of trials.

    Args:
        most: members at most; each costs a forward of every image that is scored.
    """

    most: int = 4

    @property
    def title(self) -> str:
        """Say what is made."""
        return "the mean of their probabilities"

    @property
    def retrained(self) -> int:
        """Return how many members there are at most."""
        return self.most

    def members(self, library: Library) -> list[Step]:
        """Grow the ensemble from the chosen trial."""
        return library.best_mean(self.most)

    def made(self, start: nn.Module, members: Sequence[Mapping[str, Tensor]]) -> nn.Module:
        """Return the mean of the members."""
        return MeanModel(start, members)


COMBINATION = Ensemble
