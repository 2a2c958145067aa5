"""One model, whose weights are the mean of those of several trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..families.moved import move
from .combination import Combination
from .library import Library, Step


@dataclass(frozen=True)
class Soup(Combination):
    """Average the tensors that trials moved; of a trial that did not move one, the start's counts.

    Args:
        most: members at most; each is trained again with every further seed.

    Source: Wortsman et al. 2022, "Model soups: averaging weights of multiple fine-tuned models improves accuracy
    without increasing inference time", ICML.
    """

    most: int = 4
    reads_weights: ClassVar[bool] = True

    @property
    def title(self) -> str:
        """Say what is made."""
        return "the mean of their weights"

    @property
    def retrained(self) -> int:
        """Return how many members there are at most."""
        return self.most

    def members(self, library: Library) -> list[Step]:
        """Grow the soup from the chosen trial."""
        return library.best_soup(self.most)

    def made(self, start: nn.Module, members: Sequence[Mapping[str, Tensor]]) -> nn.Module:
        """Return the start with the mean in place of what any member moved."""
        move(start, mean_tensors(start, members))
        return start.eval()


def mean_tensors(start: nn.Module, members: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of every tensor that a member moved, in the type of the start's; counts are rounded down."""
    own, found = start.state_dict(), {}
    for name in sorted({name for member in members for name in member}):
        parts = [member.get(name, own[name].cpu()).double() for member in members]
        found[name] = torch.stack(parts).mean(0).to(own[name].dtype)
    return found


COMBINATION = Soup
