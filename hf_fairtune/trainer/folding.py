"""Trials trained on folds of train and validation together, so that every labelled row gets an unseen score."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from accelerate.utils import broadcast_object_list, release_memory
from optuna import TrialPruned
from optuna.trial import BaseTrial, FixedTrial

from ..document.search import Trial
from ..errors import FairTuneError
from ..methods.method import Method
from ..search.kept import DamagedError, place, read_scores, write_scores
from ..search.plan import Plan
from ..selections.objective import Scored
from ..selections.selection import Selection
from .audits import MODEL, VALIDATION
from .baselines import as_trial
from .divergence import DivergedError
from .division import Division
from .in_turn import in_turn

if TYPE_CHECKING:
    from .fair import FairTrainer

FOLDER = "folds"
# Sees the trainer of a fold, before its training or after.
Hook = Callable[["FairTrainer"], None]


def nothing(_: FairTrainer) -> None:
    """See nothing."""


def fixed(trial: BaseTrial | Trial) -> FixedTrial:
    """Return what a trial drew, as it draws it again."""
    return FixedTrial(dict(trial.params), trial.number)


@dataclass
class CrossFit:
    """Trains trials of a search on folds, and keeps the scores of each in `<output_dir>/trials/<trial>-<fold>.npy`.

    A killed training goes on from its checkpoint in `<output_dir>/folds`, and one that ended is known by its scores.

    Args:
        trainer: of the search.
        plan: of the search.
        propose: returns the method of a trial.
        division: of train and validation.
        epochs: of trainings of finalists, those before a kill included.
        trained: trainings of the trial at hand that ended in this process.
    """

    trainer: FairTrainer
    plan: Plan
    propose: Callable[[BaseTrial], Method]
    division: Division
    epochs: float = 0.0
    trained: int = 0

    @property
    def count(self) -> int:
        """Return the number of folds."""
        return len(self.division.parts)

    @property
    def share(self) -> float:
        """Return the share of the trial at hand that was trained in this process."""
        return self.trained / self.count

    def draw(self, trial: BaseTrial) -> FixedTrial:
        """Draw a trial whole, and return what it drew."""
        self.trained = 0
        self.propose(trial)
        self.plan.hp_space(trial)
        return fixed(trial)

    def refit(self, trials: Sequence[Trial]) -> Scored:
        """Train each trial on each fold as the trial was, and score the rows that were left out.

        A training that diverges gives NaN for its trial. Of several workers of the folder one trains.
        """
        with in_turn(self.trainer.args, FOLDER, "the trainings of the finalists"):
            self._train_again(trials)
        self.epochs += self.count * sum(trial.reached for trial in trials)
        return self.kept(trials)

    def _train_again(self, trials: Sequence[Trial]) -> None:
        done = 0
        for trial in trials:
            for fold in range(self.count):
                done += 1
                where = f"{done} of {len(trials) * self.count}"
                self._say(f"folds: training {where} · trial {trial.number} · fold {fold + 1} of {self.count}")
                try:
                    self.scores(fixed(trial), fold)
                except DivergedError:
                    self._keep(trial.number, fold, np.full(self._shape(fold), np.nan))

    def kept(self, trials: Sequence[Trial]) -> Scored:
        """Return all rows with the scores that trials kept.

        Raises:
            FairTuneError: a trial did not keep those of every fold.
        """
        scores = np.empty((len(trials), *self.division.rows.scores.shape))
        if self._is_main:
            for row, trial in zip(scores, trials, strict=True):
                parts = [
                    read_scores(self._place(trial.number, fold), *self._shape(fold)) for fold in range(self.count)
                ]
                row[:] = np.concatenate(parts)
        return self.division.scored(broadcast_object_list([scores])[0])

    def scores(self, trial: FixedTrial, fold: int, begin: Hook = nothing, end: Hook = nothing) -> np.ndarray:
        """Return the scores of the rows of a fold, [n]; where they are not kept, a trainer that the hooks see trains.

        Raises:
            DivergedError: the training diverged.
        """
        kept = self._place(trial.number, fold)
        known = self._known(trial.number, fold) if self._is_main and os.path.lexists(kept) else None
        found: np.ndarray | None = broadcast_object_list([known])[0]
        try:
            if found is None:
                trained = self.train(trial, fold, begin)
                end(trained)
                assert trained.audits is not None
                found, self.trained = trained.audits.scores(MODEL, VALIDATION), self.trained + 1
                self._keep(trial.number, fold, found)
                del trained
                release_memory()
        except (DivergedError, TrialPruned):
            self._clear(trial.number, fold)
            raise
        self._clear(trial.number, fold)
        return found

    def train(self, trial: FixedTrial, fold: int, begin: Hook = nothing) -> FairTrainer:
        """Train a trial on all folds but one, or go on from a checkpoint; return the trainer."""
        part, folder = self.division.parts[fold], Path(FOLDER) / str(trial.number) / self._name(fold)
        found = as_trial(self.trainer, self.plan, trial, folder, self.propose(trial), part)
        begin(found)
        found.train(resume_from_checkpoint=True)
        return found

    def _known(self, trial: int, fold: int) -> np.ndarray | None:
        """Return the scores of a fold that were kept; None where they are damaged, so that it is trained again."""
        try:
            return read_scores(self._place(trial, fold), *self._shape(fold))
        except DamagedError:
            self._say(f"note: `{self._place(trial, fold)}` is damaged; the fold is trained again")
            return None

    def _keep(self, trial: int, fold: int, scores: np.ndarray) -> None:
        if self._is_main:
            write_scores(self._place(trial, fold), scores)

    def _clear(self, trial: int, fold: int) -> None:
        """Remove what a training needs to go on, and folders that are empty then."""
        folder = Path(self.trainer.args.output_dir) / FOLDER
        if self._is_main and folder.is_dir():
            shutil.rmtree(folder / str(trial) / self._name(fold), ignore_errors=True)
            for empty in (folder / str(trial), folder):
                if empty.is_dir() and not any(empty.iterdir()):
                    empty.rmdir()

    def _name(self, fold: int) -> str:
        """Name a fold so that no checkpoint of another division is taken up."""
        return f"{fold}-of-{self.count}"

    def _place(self, trial: int, fold: int) -> Path:
        return place(Path(self.trainer.args.output_dir), trial, fold)

    def _shape(self, fold: int) -> tuple[int, ...]:
        """Return the shape of a fold's scores, [n] or of several classes [n, k]."""
        return int((self.division.folds == fold).sum()), *self.division.rows.scores.shape[1:]

    @property
    def _is_main(self) -> bool:
        return bool(self.trainer.is_world_process_zero())

    def _say(self, line: str) -> None:
        if self._is_main:
            print(line, file=sys.stderr, flush=True)


def cross_fit(
    trainer: FairTrainer, plan: Plan, selection: Selection, propose: Callable[[BaseTrial], Method]
) -> CrossFit | None:
    """Return what trains trials, or finalists, on folds; None where neither are.

    Raises:
        FairTuneError: folds cannot be made.
    """
    if not (count := plan.folds or selection.refits):
        return None
    if trainer.data is None or "external" in trainer.data.splits:
        asked = f"`folds` {plan.folds}" if plan.folds else f"the selection `{selection.name}`"
        raise FairTuneError(
            f"{asked} divides train and validation again, which takes `data=load_fair_dataset(...)` without an "
            "external set; leave it out."
        )
    division = Division.of(trainer.data, count, trainer.args.seed)
    return CrossFit(trainer, plan, propose, division)
