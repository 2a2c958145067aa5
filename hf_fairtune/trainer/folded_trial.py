"""A trial of a cross-fitted search: one training a fold, and a report after each."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from accelerate.utils import broadcast_object_list
from optuna import TrialPruned
from optuna.trial import BaseTrial
from transformers import TrainerCallback, TrainerState

from ..families.moved import moved_tensors
from ..search.fate import OutOfHours
from ..search.floors import UndefinedObjectiveError
from ..search.kept import place, weights_place, write_weights
from ..search.searcher import Searcher
from .divergence import DivergedError
from .folding import CrossFit
from .reports import start_trial, stops

if TYPE_CHECKING:
    from .fair import FairTrainer


class HoursOfFold(TrainerCallback):
    """Write down the run's hours after each epoch of a fold; once they are up, every process stops after a step."""

    def __init__(self, searcher: Searcher, trial: BaseTrial, found: FairTrainer) -> None:
        self.searcher, self.trial, self.found = searcher, trial, found

    def on_epoch_end(self, _: Any, state: TrainerState, *__: Any, **___: Any) -> None:
        """Write, and tell the trainer of the fold, unless that is at its end."""
        self.searcher.ration.clock.keep()
        if state.global_step < state.max_steps:
            self.found.hours_are_up = broadcast_object_list([self.searcher.stops_for_hours(self.trial)])[0]


def train_folds(trainer: FairTrainer, fit: CrossFit, searcher: Searcher, trial: BaseTrial) -> None:
    """Train a trial on each fold; after each it reports the objective of all rows that have an unseen score so far.

    So far the rows are the same for all trials, which a pruner may compare. Where weights are wanted, those of the
    models of a trial that is complete and feasible stay.

    Raises:
        TrialPruned: the pruner stops it.
        OutOfHours: the hours do.
        DivergedError: the training on a fold diverged.
        UndefinedObjectiveError: the objective has no value on these rows.
    """
    drawn, scores = fit.draw(trial), np.full(fit.division.rows.scores.shape, np.nan)

    def begin(found: FairTrainer) -> None:
        start_trial(found, searcher, trial)
        found.add_callback(HoursOfFold(searcher, trial, found))

    def end(fold: int, found: FairTrainer) -> None:
        if searcher.keeps_weights and trainer.is_world_process_zero():
            write_weights(weights_place(Path(trainer.args.output_dir), trial.number, fold), moved_tensors(found.model))

    try:
        for fold in range(fit.count):
            if searcher.keeps_weights:
                forget_scores_alone(trainer, trial.number, fold)
            scores[fit.division.folds == fold] = fit.scores(drawn, fold, begin, partial(end, fold))
            metrics, last = fit.division.metrics(scores, fold), fold + 1 == fit.count
            stop = stops(trainer, searcher, trial, fold + 1, metrics, last)
            if stop is not None:
                raise TrialPruned if stop == "score" else OutOfHours
    except (TrialPruned, DivergedError, UndefinedObjectiveError):
        forget_weights(trainer, fit, trial)
        raise
    if any(excess > 0 for excess in searcher.excess.values()):
        forget_weights(trainer, fit, trial)


def forget_scores_alone(trainer: FairTrainer, number: int, fold: int) -> None:
    """Remove the scores of a model without kept weights, so that it is trained again, and leaves them."""
    folder = Path(trainer.args.output_dir)
    if trainer.is_world_process_zero() and not weights_place(folder, number, fold).is_file():
        place(folder, number, fold).unlink(missing_ok=True)


def forget_weights(trainer: FairTrainer, fit: CrossFit, trial: BaseTrial) -> None:
    """Remove the weights of a trial's models."""
    if trainer.is_world_process_zero():
        for fold in range(fit.count):
            weights_place(Path(trainer.args.output_dir), trial.number, fold).unlink(missing_ok=True)
