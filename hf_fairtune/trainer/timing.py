"""What a training takes, and a trial: on all rows, a share of them or folds, by the seconds of a few steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transformers.trainer_utils import IntervalStrategy

from ..data.transform import transform_of
from ..methods.method import Method
from .audits import VALIDATION
from .kept_prefix import EVALUATION, TRAIN, Filled
from .stages import view_of
from .stopwatch import Stopwatch

if TYPE_CHECKING:
    from .fair import FairTrainer


@dataclass(frozen=True)
class Cost:
    """Seconds of one training: `start` makes and prepares the model, `epochs` are all steps and evaluations.

    `prefix` is the calculation of frozen first layers that are kept, by the first training that needs them;
    `of_trial` are the seconds of a trial on a share of the rows or on folds, None where it is one training on all;
    `finalist` are those of a trial that a selection trains again on folds, 0 where it trains none;
    `forwards` are those of one more model on every row that is trained on, as each member of a teacher takes them.
    """

    start: float
    epochs: float
    checkpoints: float
    scores: float
    prefix: float = 0.0
    of_trial: float | None = None
    forwards: float = 0.0
    finalist: float = 0.0

    @property
    def trial(self) -> float:
        """Return what a trial takes to its end: it finds frozen layers kept, and saves checkpoints on folds alone."""
        return self.start + self.epochs if self.of_trial is None else self.of_trial

    @property
    def training(self) -> float:
        """Return what a training takes, with its checkpoints and the scores of validation and test."""
        return self.start + self.epochs + self.checkpoints + self.scores + self.prefix


@dataclass(frozen=True)
class Timing:
    """Seconds of a few steps on so many `fitted` rows, beside which the method read so many (`read`).

    What a training takes outside of its steps is `watch.rest`, of which each further row that is read takes `a_row`;
    `scored` is a row's evaluation, and `filled` tells what of frozen layers was calculated to keep it.
    """

    watch: Stopwatch
    fitted: int
    read: int
    a_row: float
    scored: float
    filled: Mapping[str, Filled]

    def cost(self, trainer: FairTrainer, method: Method) -> Cost:
        """Return what a training on the rows of a trainer takes."""
        data, args = trainer.data, trainer.args
        assert data is not None
        start = self.watch.rest + self.a_row * max(0, rows_read(trainer, method) - self.read)
        validation, tested = len(data["validation"]), sum(len(data[split]) for split in data.test_splits)
        epochs, checkpoints, forwards = 0.0, 0.0, 0.0
        for stage in self.watch.stages:
            steps, n_epochs = stage.length(args, rows_fitted(trainer) / self.fitted)
            evaluations = _often(args.eval_strategy, args.eval_steps, steps, n_epochs)
            epochs += steps * stage.step + evaluations * self.scored * validation
            forwards += n_epochs * rows_fitted(trainer) * self.scored
            checkpoints += _often(args.save_strategy, args.save_steps, steps, n_epochs) * stage.checkpoint
        views = min(max(1, transform_of(data["train"]).views), math.ceil(args.num_train_epochs))
        deep = self.filled[EVALUATION].a_row
        prefix = self.filled[TRAIN].a_row * rows_fitted(trainer) * views + deep * validation
        # Scores of the trained model come of all its layers.
        scores = (self.scored + deep) * (validation + tested)
        return Cost(start, epochs, checkpoints, scores, prefix, forwards=forwards)

    def on_folds(self, trainer: FairTrainer, start: float, folds: int) -> float:
        """Return what a trial takes that trains on all but one of so many folds in turn, and scores each row once.

        Args:
            trainer: of the search, whose rows are divided.
            start: seconds in which a training makes and prepares its model.
            folds: 2 or more.
        """
        data, args = trainer.data, trainer.args
        assert data is not None
        labelled = rows_fitted(trainer) + len(data[VALIDATION])
        fitted, a_fold = labelled * (folds - 1) / folds, start
        for stage in self.watch.stages:
            steps, n_epochs = stage.length(args, fitted / self.fitted)
            a_fold += steps * stage.step
            a_fold += _often(args.save_strategy, args.save_steps, steps, n_epochs) * stage.checkpoint
        return folds * a_fold + (self.scored + self.filled[EVALUATION].a_row) * labelled


def rows_fitted(trainer: FairTrainer) -> int:
    """Return the number of rows that a trainer trains on."""
    fitted: Any = trainer.train_dataset
    return len(fitted)


def rows_read(trainer: FairTrainer, method: Method) -> int:
    """Return the number of rows that a method reads beside those it trains on, as for importances or features."""
    return sum(len(view_of(trainer, view)) for name, view in method.views.items() if name != "train")


def _often(strategy: Any, every: float | None, steps: int, n_epochs: float) -> float:
    """Return how often a strategy evaluates or saves in a training; by steps, the last one is among them."""
    if strategy == IntervalStrategy.STEPS and every:
        return math.ceil(steps / (every if every >= 1 else math.ceil(steps * every)))
    return 0 if strategy == IntervalStrategy.NO else math.ceil(n_epochs)
