"""The contract of a selection: a rule that chooses the winner of a search from its trials."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .. import catalog
from ..document.search import Candidate, Trial
from ..errors import FairTuneError
from .objective import Objective, Scored

Chosen = tuple[Trial, list[Candidate]]


@dataclass(frozen=True)
class Pool:
    """What a rule may look at; nothing in it comes from the test split.

    Args:
        objective: of the search.
        trials: the complete ones by number, at least one; each has its value on the rows of the search.
        seed: of resamples.
        scored: gives the rows of the search, of validation or out of fold, with the scores of `trials`, in their
            order.
        refit: trains some trials on folds of train and validation together, and gives all their rows with out-of-fold
            scores.
    """

    objective: Objective
    trials: Sequence[Trial]
    seed: int
    scored: Callable[[], Scored]
    refit: Callable[[Sequence[Trial]], Scored]

    @property
    def values(self) -> np.ndarray:
        """Return the trials' values, [k]."""
        return np.array([trial.value for trial in self.trials])

    def ranked(self) -> list[int]:
        """Return the places of the trials, the best value first; of equal ones the earlier trial."""
        ranked: list[int] = np.argsort(-self.objective.gains(self.values), kind="stable").tolist()
        return ranked


@dataclass(frozen=True)
class Selection(catalog.Variety, ABC):
    """A rule that chooses the winner; one lies in `selections/<name>.py`, which names its class as `SELECTION`.

    Attributes:
        scores: whether it reads the scores that trials keep.
    """

    scores: ClassVar[bool] = False

    @property
    def refits(self) -> int:
        """Return on how many folds it trains trials again; 0 where it trains none."""
        return 0

    @property
    def finalists(self) -> int:
        """Return how many trials at most it trains again."""
        return 0

    @property
    @abstractmethod
    def title(self) -> str:
        """Say for people what is chosen, such as "the best value"."""

    def check(self, objective: Objective, class_names: Sequence[str]) -> None:
        """Refuse before any trial what the rule cannot weigh; `class_names` are of several classes, else empty.

        Raises:
            FairTuneError: it cannot weigh the objective, or several classes.
        """

    @abstractmethod
    def choose(self, pool: Pool) -> Chosen:
        """Return the chosen trial, and what the rule weighed, by number of the trial.

        Raises:
            FairTuneError: it can weigh none.
        """


def selection_named(name: str) -> Selection:
    """Return the rule of `selections/<name>.py` with its defaults."""
    found: Selection = catalog.find("selections", name).SELECTION()
    return found


def first_of(places: Sequence[int], gains: np.ndarray) -> int:
    """Return the place with the greatest gain, [k] by place; of equal ones that which comes first in `places`.

    Raises:
        FairTuneError: none of them is a number.
    """
    known = [place for place in places if not np.isnan(gains[place])]
    if not known:
        raise FairTuneError("no trial has a defined objective here; choose the selection `best`.")
    return max(known, key=lambda place: float(gains[place]))
