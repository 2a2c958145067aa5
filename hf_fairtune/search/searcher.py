"""One search in one process: what is searched, its study, and what each trial reports to it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from filelock import BaseFileLock
from optuna.trial import BaseTrial, TrialState

from ..audits.compute import direction as direction_of
from ..document.run import Direction, Search
from ..errors import FairTuneError
from ..masks.proposals import Recipe
from .modes import Mode
from .progress import Progress
from .space import LearningRate
from .study import enqueue, lock, n_finished, open_study, trials

DIRECTIONS: dict[Any, Direction] = {"maximize": "maximize", "minimize": "minimize"}


class InterruptedSearch(BaseException):
    """Ctrl-C in a trial. Optuna would file a KeyboardInterrupt as a failed trial; this one leaves it to be resumed."""


class UndefinedObjectiveError(FairTuneError):
    """The objective has no value, so that the trial cannot be ranked."""


@dataclass(frozen=True)
class Plan:
    """What is searched; `objective` gives a trial's value from the metrics, `hp_space` its training arguments.

    `by_name` tells that the objective is a metric of ours.
    """

    objective_name: str
    objective: Callable[[Mapping[str, float]], float]
    direction: Direction
    mode: Mode
    n_epochs: float
    hp_space: Callable[[BaseTrial], dict[str, Any]]
    by_name: bool = False

    @classmethod
    def of(
        cls,
        objective: str | Callable[..., float],
        direction: str | None,
        mode: Mode,
        n_epochs: float,
        hp_space: Callable[[BaseTrial], dict[str, Any]] | None,
        group_names: Sequence[str] = (),
    ) -> Plan:
        """Read a metric's name as the objective, which knows its direction; the default space is a `LearningRate`."""
        by_name = isinstance(objective, str)
        if isinstance(objective, str):
            name, own = objective.removeprefix("eval_"), direction_of(objective, group_names)
            if direction not in (None, own):
                raise FairTuneError(
                    f"`direction` is {direction!r}, but `{name}` is there to {own}; leave `direction` out."
                )
            objective, direction = partial(metric_value, name), own
        else:
            name = objective.__name__
        if direction not in tuple(DIRECTIONS):
            raise FairTuneError(f"`direction` is {direction!r}; a function as objective needs maximize or minimize.")
        return cls(name, objective, DIRECTIONS[direction], mode, n_epochs, hp_space or LearningRate(), by_name)

    @property
    def rates(self) -> LearningRate:
        """Return the range of learning rates, the default one where the space draws them otherwise."""
        return self.hp_space if isinstance(self.hp_space, LearningRate) else LearningRate()


def metric_value(name: str, metrics: Mapping[str, float]) -> float:
    """Return a metric of an evaluation; refuse one that is not a number there."""
    if f"eval_{name}" not in metrics:
        names = ", ".join(sorted(k.removeprefix("eval_") for k in metrics))
        raise FairTuneError(f"`objective` is {name!r}; the metrics are {names}.")
    value = float(metrics[f"eval_{name}"])
    if not math.isfinite(value):
        raise UndefinedObjectiveError(f"`{name}` is not defined on the validation split in this trial.")
    return value


class Searcher:
    """A plan at work; study and lock of its folder are the main process's, which the others follow without."""

    def __init__(self, plan: Plan, study: optuna.Study | None = None, held: BaseFileLock | None = None) -> None:
        self.plan, self.study, self._held = plan, study, held
        if study is not None:
            self.progress = Progress(
                plan.objective_name,
                plan.mode.n_trials,
                round(plan.n_epochs),
                done=n_finished(study),
                maximize=plan.direction == "maximize",
                best=None if self.is_barren else (study.best_value, study.best_trial.number),
            )

    @classmethod
    def open(cls, plan: Plan, folder: Path, fingerprint: Mapping[str, Any], recipes: Sequence[Recipe]) -> Searcher:
        """Open the study of `folder`, if it was made with `fingerprint`; queue recipes where the mode has some."""
        folder.mkdir(parents=True, exist_ok=True)
        held = lock(folder)
        study = open_study(folder, plan.direction, fingerprint)
        if plan.mode.recipes:
            enqueue(study, recipes, plan.rates)
        return cls(plan, study, held)

    @property
    def remaining(self) -> int:
        """Return the number of trials still to run."""
        return 0 if self.study is None else max(0, self.plan.mode.n_trials - n_finished(self.study))

    @property
    def is_barren(self) -> bool:
        """Tell whether no trial is complete."""
        return self.study is not None and not self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))

    def options(self) -> dict[str, Any]:
        """Return what `Trainer.hyperparameter_search` gives to Optuna."""
        if self.study is None:
            return {}
        return {
            "storage": self.study._storage,
            "study_name": self.study.study_name,
            "load_if_exists": True,
            "sampler": self.plan.mode.sampler,
            "pruner": self.plan.mode.pruner,
        }

    def start(self, trial: BaseTrial, mask: list[int], trainable_parameters: int) -> None:
        """Keep with a trial what it trains."""
        if isinstance(trial, optuna.Trial):
            trial.set_user_attr("mask", mask)
            trial.set_user_attr("trainable_parameters", trainable_parameters)

    def report(self, trial: BaseTrial, epoch: int, value: float) -> bool:
        """Give the study a trial's value after an epoch; return whether to stop the trial."""
        if not isinstance(trial, optuna.Trial):
            return False
        self.progress.epoch(trial.number, epoch, value)
        if not self.plan.mode.reports_every_epoch and epoch < self.plan.n_epochs:
            return False
        with warnings.catch_warnings():
            # A trial taken up again after a kill reports its first epochs a second time, with the same values.
            warnings.filterwarnings("ignore", "The reported value is ignored", UserWarning)
            trial.report(value, epoch)
        return trial.should_prune()

    def end(self, trial: BaseTrial, state: TrialState, value: float | None, message: str | None = None) -> None:
        """Print how a trial ended, and keep the message of a failure."""
        if isinstance(trial, optuna.Trial):
            if message is not None:
                trial.set_user_attr("message", message)
            self.progress.trial(trial.number, state, value, _what(trial) if message is None else message)

    def close(self) -> None:
        """Free the folder."""
        if self._held is not None:
            self._held.release()

    def facts(self, seconds: float) -> Search | None:
        """Return the search and its trials; None on the processes without the study."""
        if self.study is None:
            return None
        mode = self.plan.mode
        return Search(
            mode=mode.name,
            objective=self.plan.objective_name,
            direction=self.plan.direction,
            n_trials=mode.n_trials,
            warmup_epochs=mode.warmup_epochs,
            num_train_epochs=self.plan.n_epochs,
            best_trial=None if self.is_barren else self.study.best_trial.number,
            seconds=seconds,
            trials=trials(self.study),
        )


def _what(trial: optuna.Trial) -> str:
    attributes = trial.user_attrs
    recipe = f"{attributes['recipe']} · " if "recipe" in attributes else ""
    weights = attributes.get("trainable_parameters", 0)
    return f"{recipe}{weights:,} weights · lr {trial.params.get('learning_rate', 0):.1e}"
