"""One search in one process: its study, its mode, and what each trial reports to them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from filelock import BaseFileLock
from optuna.trial import BaseTrial, TrialState

from ..errors import FairTuneError
from .modes import Mode
from .objective import Objective
from .progress import Progress
from .study import Direction, enqueue_recipes, lock, n_finished, open_study, rows


@dataclass(frozen=True)
class LearningRate:
    """Draws the peak learning rate, log-uniform in 1e-5 ... 1e-3 as FairTune's code does; a stock `hp_space`."""

    low: float = 1e-5
    high: float = 1e-3

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise FairTuneError(f"learning rates from {self.low:g} to {self.high:g} are no range; give low < high.")

    def __call__(self, trial: BaseTrial) -> dict[str, float]:
        """Return the learning rate of `trial`."""
        return {"learning_rate": trial.suggest_float("learning_rate", self.low, self.high, log=True)}


@dataclass(frozen=True)
class Plan:
    """What is searched.

    Args:
        objective: gives a trial's value from the evaluation metrics.
        direction: "maximize" or "minimize".
        mode: proposal, sampler, pruner.
        n_epochs: epochs of a full trial.
        hp_space: the training arguments of a trial.
    """

    objective: Callable[[Mapping[str, float]], float]
    direction: Direction
    mode: Mode
    n_epochs: float
    hp_space: Callable[[BaseTrial], dict[str, Any]] = LearningRate()

    @property
    def objective_name(self) -> str:
        """Return the metric's name, or that of the user's function."""
        return self.objective.name if isinstance(self.objective, Objective) else self.objective.__name__


class Search:
    """A plan at work on a process that follows the main one and has no study of its own."""

    remaining = 0
    is_barren = False

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def options(self) -> dict[str, Any]:
        """Return what `Trainer.hyperparameter_search` hands to Optuna."""
        return {}

    def start(self, trial: optuna.Trial, facts: Mapping[str, Any]) -> None:
        """Note what a trial trains."""

    def report(self, trial: optuna.Trial, epoch: int, value: float) -> bool:
        """Tell the study a trial's value after an epoch; return whether to stop the trial."""
        return False

    def end(self, trial: optuna.Trial, state: TrialState, value: float | None, reason: str | None = None) -> None:
        """Tell how a trial ended."""

    def close(self) -> None:
        """Free the folder."""


class StudySearch(Search):
    """A plan at work on the main process, with the study.

    Args:
        plan: what is searched.
        folder: where the study is kept.
        run: what the study must have been made with, to be taken up again.
    """

    def __init__(self, plan: Plan, folder: Path, run: Mapping[str, Any]) -> None:
        super().__init__(plan)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock: BaseFileLock = lock(folder)
        self.study = open_study(folder, plan.direction, run)
        done = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        self.progress = Progress(
            plan.objective_name,
            plan.mode.n_trials,
            round(plan.n_epochs),
            done=n_finished(self.study),
            maximize=plan.direction == "maximize",
            best=(self.study.best_value, self.study.best_trial.number) if done else None,
        )

    def enqueue(self, space: str, n_blocks: int) -> None:
        """Queue the known recipes, where the mode has them."""
        if self.plan.mode.recipes:
            rates = self.plan.hp_space if isinstance(self.plan.hp_space, LearningRate) else LearningRate()
            proposal = self.plan.mode.proposal()
            enqueue_recipes(self.study, lambda name: proposal.recipe(name, space, n_blocks), space, rates)

    @property
    def remaining(self) -> int:  # type: ignore[override]
        """Return the number of trials still to run."""
        return max(0, self.plan.mode.n_trials - n_finished(self.study))

    @property
    def is_barren(self) -> bool:  # type: ignore[override]
        """Say whether no trial is complete."""
        return not self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))

    def options(self) -> dict[str, Any]:
        """Return the study on disk, and the mode's sampler and pruner."""
        return {
            "storage": self.study._storage,
            "study_name": self.study.study_name,
            "load_if_exists": True,
            "sampler": self.plan.mode.sampler(),
            "pruner": self.plan.mode.pruner(),
        }

    def start(self, trial: optuna.Trial, facts: Mapping[str, Any]) -> None:
        """Keep what a trial trains with the trial."""
        for name, value in facts.items():
            trial.set_user_attr(name, value)

    def report(self, trial: optuna.Trial, epoch: int, value: float) -> bool:
        """Tell the study a trial's value after an epoch; return whether to stop the trial."""
        self.progress.epoch(trial.number, epoch, value)
        if not self.plan.mode.reports_every_epoch and epoch < self.plan.n_epochs:
            return False
        with warnings.catch_warnings():
            # A trial taken up again after a kill reports its first epochs a second time, with the same values.
            warnings.filterwarnings("ignore", "The reported value is ignored", UserWarning)
            trial.report(value, epoch)
        return trial.should_prune()

    def end(self, trial: optuna.Trial, state: TrialState, value: float | None, reason: str | None = None) -> None:
        """Print how a trial ended, and keep the reason of a failure."""
        if reason is not None:
            trial.set_user_attr("reason", reason)
        self.progress.trial(trial.number, state, value, _what(trial) if reason is None else reason)

    def close(self) -> None:
        """Free the folder."""
        self._lock.release()

    def facts(self, seconds: float) -> dict[str, Any]:
        """Return `search` of the record."""
        done = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        mode = self.plan.mode
        return {
            "mode": mode.name,
            "objective": self.plan.objective_name,
            "direction": self.plan.direction,
            "n_trials": mode.n_trials,
            "warmup_epochs": mode.warmup_epochs,
            "num_train_epochs": self.plan.n_epochs,
            "best_trial": self.study.best_trial.number if done else None,
            "seconds": seconds,
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return `trials` of the record."""
        return rows(self.study)


def _what(trial: optuna.Trial) -> str:
    attrs = trial.user_attrs
    recipe = f"{attrs['recipe']} · " if "recipe" in attrs else ""
    return f"{recipe}{attrs.get('trainable_parameters', 0):,} weights · lr {trial.params.get('learning_rate', 0):.1e}"
