"""What is searched: the objective, the floors, the mode, the space."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from optuna.trial import BaseTrial

from ..audits.compute import direction as direction_of
from ..audits.compute import key_of
from ..document.search import Direction
from ..errors import FairTuneError
from .floors import Floors, metric_value
from .modes import Mode
from .space import LearningRate
from .study_options import StudyOptions

DIRECTIONS: dict[Any, Direction] = {"maximize": "maximize", "minimize": "minimize"}


@dataclass(frozen=True)
class Plan:
    """What is searched; `objective` gives a trial's value from the metrics, `hp_space` its training arguments.

    A trial that breaks one of the `floors` is infeasible: it wins nothing. It trains on a `fraction` of the training
    rows, or on `folds` of train and validation together, and is scored out of fold; 0 for one training, scored on
    validation. `by_name` tells that the objective is a metric of ours. `study` is what Optuna is given, and
    `hp_name` names the folder of a trial.
    """

    objective_name: str
    objective: Callable[[Mapping[str, float]], float]
    direction: Direction
    mode: Mode
    n_epochs: float
    hp_space: Callable[[BaseTrial], dict[str, Any]]
    floors: Floors = Floors()
    fraction: float = 1.0
    by_name: bool = False
    folds: int = 0
    study: StudyOptions = StudyOptions()
    hp_name: Callable[[BaseTrial], str] | None = None

    @classmethod
    def of(
        cls,
        objective: str | Callable[..., float],
        direction: str | None,
        mode: Mode,
        n_epochs: float,
        hp_space: Callable[[BaseTrial], dict[str, Any]] | None,
        group_names: Sequence[str] = (),
        min_auc: float | None = None,
        class_names: Sequence[str] = (),
    ) -> Plan:
        """Read a metric's name as the objective, which knows its direction; the default space is a `LearningRate`."""
        key, by_name = key_of(objective) if isinstance(objective, str) else None, False
        floors = Floors.of(key, min_auc, class_names)
        if isinstance(objective, str):
            name, own = key_of(objective), direction_of(objective, group_names, class_names)
            if direction not in (None, own):
                raise FairTuneError(
                    f"`direction` is {direction!r}, but `{name}` is there to {own}; leave `direction` out."
                )
            objective, direction, by_name = partial(metric_value, name, asked="`objective` is"), own, True
        else:
            name = name_of(objective)
        if direction not in tuple(DIRECTIONS):
            raise FairTuneError(f"`direction` is {direction!r}; a function as objective needs maximize or minimize.")
        space = hp_space or LearningRate()
        return cls(name, objective, DIRECTIONS[direction], mode, n_epochs, space, floors, by_name=by_name)

    @property
    def n_steps(self) -> float:
        """Return how often a trial may report: after each fold, or after each epoch."""
        return self.folds or self.n_epochs

    @property
    def rates(self) -> LearningRate:
        """Return the range of learning rates, the default one where the space draws them otherwise."""
        return self.hp_space if isinstance(self.hp_space, LearningRate) else LearningRate()


def name_of(objective: Callable[..., Any]) -> str:
    """Return a name for a function, one with arguments bound, an object that is called, or a lambda."""
    if isinstance(objective, partial):
        return name_of(objective.func)
    name: str = getattr(objective, "__name__", type(objective).__name__)
    return "lambda" if name == "<lambda>" else name
