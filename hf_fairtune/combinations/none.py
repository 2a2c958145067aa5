"""The chosen trial alone."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor, nn

from ..families.moved import move
from .combination import Combination
from .library import Library, Step


class Alone(Combination):
    """Combine nothing."""

    combines: ClassVar[bool] = False

    @property
    def title(self) -> str:
        """Say what is made."""
        return "the chosen trial alone"

    def members(self, library: Library) -> list[Step]:
        """Return the chosen trial."""
        return library.best_mean(1)

    def made(self, start: nn.Module, members: Sequence[Mapping[str, Tensor]]) -> nn.Module:
        """Return the trial's model."""
        move(start, dict(members[0]))
        return start.eval()


COMBINATION = Alone
