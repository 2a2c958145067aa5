"""One model, trained on the mean probabilities that trials give for every augmented image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from .combination import Combination
from .library import Library, Step
from .mean import MeanModel


@dataclass(frozen=True)
class Distill(Combination):
    """Train by the method of the chosen trial, with the members' mean probabilities in place of labels.

    Args:
        most: members at most; each costs a forward of every image in every epoch.

    Source: Hinton, Vinyals & Dean 2015, "Distilling the knowledge in a neural network", at temperature 1 and without
    the labels; Beyer et al. 2022, "Knowledge distillation: a good teacher is patient and consistent", CVPR, for
    teachers that see the very same augmented image.
    """

    most: int = 4

    @property
    def title(self) -> str:
        """Say what is made."""
        return "one model trained on the mean of their probabilities"

    @property
    def teachers(self) -> int:
        """Return how many members teach at most."""
        return self.most

    def members(self, library: Library) -> list[Step]:
        """Grow the teacher from the chosen trial."""
        return library.best_mean(self.most)

    def made(self, start: nn.Module, members: Sequence[Mapping[str, Tensor]]) -> nn.Module:
        """Return the teacher."""
        return MeanModel(start, members)


COMBINATION = Distill
