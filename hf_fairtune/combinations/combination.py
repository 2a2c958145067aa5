"""The contract of a combination: which trials of a search become one classifier, and what they make together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from .. import catalog
from .library import Library, Step


@dataclass(frozen=True)
class Combination(catalog.Variety, ABC):
    """A rule; one lies in `combinations/<name>.py`, which names its class as `COMBINATION`.

    Attributes:
        combines: whether trials keep their weights for it.
        reads_weights: whether it weighs trials by their weights, and not by their scores alone.
    """

    combines: ClassVar[bool] = True
    reads_weights: ClassVar[bool] = False

    @property
    @abstractmethod
    def title(self) -> str:
        """Say for people what is made, such as "the mean of the probabilities"."""

    @property
    def teachers(self) -> int:
        """Return how many members at most teach one more model, which is then the result; 0 where none is trained."""
        return 0

    @property
    def retrained(self) -> int:
        """Return how many members at most are trained for each further seed; 0 where one model is trained a seed."""
        return 0

    @abstractmethod
    def members(self, library: Library) -> list[Step]:
        """Return the members in the order in which they come, the chosen trial first."""

    @abstractmethod
    def made(self, start: nn.Module, members: Sequence[Mapping[str, Tensor]]) -> nn.Module:
        """Return the model that members make, in evaluation mode; it takes `pixel_values` and has `logits`.

        Args:
            start: the plain model that every member started from; it is taken over.
            members: the tensors that each moved, by name.
        """


def combination_named(name: str) -> Combination:
    """Return the rule of `combinations/<name>.py` with its defaults."""
    found: Combination = catalog.find("combinations", name).COMBINATION()
    return found
