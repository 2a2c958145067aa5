"""Trials trained again on folds of train and validation together, so that every labelled row gets an unseen score."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from accelerate.utils import broadcast_object_list
from optuna.trial import BaseTrial, FixedTrial
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.trainer_utils import IntervalStrategy

from ..audits.engine.rows import check_rows, included_codes
from ..data.fair_dataset import FairDataset
from ..document.search import Trial
from ..methods.method import Method
from ..search.kept import read_scores, write_scores
from ..search.plan import Plan
from ..selections.objective import Scored
from .audits import MODEL, VALIDATION
from .baselines import beside
from .divergence import DivergedError

if TYPE_CHECKING:
    from .fair import FairTrainer

FOLDER, SCORES = "folds", "scores.npy"


@dataclass
class CrossFit:
    """Trains finalists of a search on folds, in `<output_dir>/folds/<trial>/<fold>`.

    A killed training goes on from its checkpoint, and one that ended is known by its scores, which stay.

    Args:
        trainer: of the search.
        plan: of the search.
        propose: returns the method of a trial.
        epochs: what the trainings took so far.
    """

    trainer: FairTrainer
    plan: Plan
    propose: Callable[[BaseTrial], Method]
    epochs: float = 0.0

    def refit(self, trials: Sequence[Trial], count: int) -> Scored:
        """Train each trial on each fold as the trial was, and score the rows that were left out.

        A training that diverges gives NaN for its trial.
        """
        data = self.trainer.data
        assert data is not None
        parts = data.folds(count, self.trainer.args.seed)
        columns = [part.columns(VALIDATION) for part in parts]
        names = data.group_names
        every = {name: np.concatenate([one[name] for one in columns]) for name in columns[0]}
        labels = every["labels"]
        rows = check_rows(labels, np.zeros(len(labels)), every["groups"], names, every.get("cluster"))
        folds = np.repeat(np.arange(count), [len(one["labels"]) for one in columns])
        scores = np.empty((len(trials), len(labels)))
        for place, trial in enumerate(trials):
            for fold, part in enumerate(parts):
                done = f"{place * count + fold + 1} of {len(trials) * count}"
                self._say(f"folds: training {done} · trial {trial.number} · fold {fold + 1} of {count}")
                scores[place, folds == fold] = self._scores(trial, fold, part)
        self.epochs += len(trials) * count * self.plan.n_epochs
        return Scored(rows, included_codes(names, data.left_out(VALIDATION)), scores, folds)

    def _scores(self, trial: Trial, fold: int, part: FairDataset) -> np.ndarray:
        """Return the scores of the rows of a fold, [n], training first where they are not kept yet."""
        folder = Path(FOLDER) / str(trial.number) / str(fold)
        kept, n, main = Path(self.trainer.args.output_dir) / folder / SCORES, len(part[VALIDATION]), self._is_main
        found = broadcast_object_list([read_scores(kept, n) if main and kept.is_file() else None])[0]
        if found is None:
            found = self._train(trial, folder, part)
            if main:
                write_scores(kept, found)
        if main:
            # Only the scores are wanted from here on.
            for checkpoint in [*kept.parent.rglob("checkpoint-*")]:
                shutil.rmtree(checkpoint)
        scores: np.ndarray = found
        return scores

    def _train(self, trial: Trial, folder: Path, part: FairDataset) -> np.ndarray:
        drawn = FixedTrial(dict(trial.params), trial.number)
        found = beside(self.trainer, folder, self.propose(drawn), self.trainer.args.seed, part)
        # As in a trial, the last epoch counts; a fold may lack a class in a group, so that only its scores are read.
        found.args.eval_strategy, found.args.load_best_model_at_end = IntervalStrategy.NO, False
        for name, value in self.plan.hp_space(drawn).items():
            setattr(found.args, name, value)
        for kind in (ProgressCallback, PrinterCallback):
            found.remove_callback(kind)
        try:
            found.train(resume_from_checkpoint=True)
        except DivergedError:
            return np.full(len(part[VALIDATION]), np.nan)
        assert found.audits is not None
        return found.audits.scores(MODEL, VALIDATION)

    @property
    def _is_main(self) -> bool:
        return bool(self.trainer.is_world_process_zero())

    def _say(self, line: str) -> None:
        if self._is_main:
            print(line, file=sys.stderr, flush=True)
