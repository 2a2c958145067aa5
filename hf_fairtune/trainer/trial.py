"""A trial of a search: what it proposes, its training, its score, and how it ended."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from accelerate.utils import broadcast_object_list
from optuna.exceptions import StorageInternalError
from optuna.trial import BaseTrial, FixedTrial, TrialState

from ..families.family import counts
from ..methods.facts import Facts
from ..methods.method import Method
from ..search.crew import DroppedTrial
from ..search.database import UnreachableStudy
from ..search.floors import UndefinedObjectiveError
from ..search.plan import Plan
from ..search.searcher import InterruptedSearch, Searcher
from . import combining, selecting
from .baselines import as_trial
from .divergence import DivergedError
from .folded_trial import train_folds
from .stages import is_staged, staged

if TYPE_CHECKING:
    from .fair import FairTrainer

# Where trials of several stages are trained.
STAGED = "staged"
FAILURES = (DivergedError, UndefinedObjectiveError)


def propose(trainer: FairTrainer, plan: Plan, trial: BaseTrial) -> Method:
    """Return the method that `trial` proposes."""
    return trainer.open_method.suggest(trial, facts_of(trainer, plan))


def facts_of(trainer: FairTrainer, plan: Plan) -> Facts:
    """Return the facts with the mode's way to propose masks."""
    return replace(trainer.facts, proposal=plan.mode.proposal)


def train_trial(trainer: FairTrainer, searcher: Searcher, trial: BaseTrial, train: Callable[[], Any]) -> Any:
    """Train by what a trial proposes, on folds or by `train` of the stock Trainer, and report how it ended."""
    trainer.objective, trainer.scored_at, start, output = None, -1, time.monotonic(), None
    fit = trainer.cross_fit if searcher.plan.folds else None
    caught: tuple[type[Exception], ...] = (optuna.TrialPruned, *FAILURES, *searcher.plan.study.catch)
    try:
        if not broadcast_object_list([searcher.begins(trial)])[0]:
            raise DroppedTrial
        if fit is not None:
            train_folds(trainer, fit, searcher, trial)
        elif is_staged(propose(trainer, searcher.plan, trial)):
            train_apart(trainer, searcher, trial)
        else:
            output = train_once(trainer, searcher, trial, train)
        end(trainer, searcher, trial, TrialState.COMPLETE)
    except KeyboardInterrupt as stop:
        raise InterruptedSearch from stop
    except StorageInternalError as gone:
        raise UnreachableStudy from gone
    except caught as error:
        pruned = isinstance(error, optuna.TrialPruned)
        state, message = (TrialState.PRUNED, None) if pruned else (TrialState.FAIL, str(error))
        end(trainer, searcher, trial, state, message)
        trainer.objective = math.nan if trainer.objective is None else trainer.objective
        if trainer.is_world_process_zero():
            raise
        # Only the main process has a study that takes the exception; raised here it would end the process.
        return None
    finally:
        share = fit.share if fit else trainer.state.global_step / max(1, trainer.state.max_steps)
        searcher.ration.note(time.monotonic() - start, share)
    return output


def end(
    trainer: FairTrainer, searcher: Searcher, trial: BaseTrial, state: TrialState, message: str | None = None
) -> None:
    """Report how a trial ended; checkpoints of its stages are not needed any more.

    Raises:
        DroppedTrial: it is another worker's by now.
    """
    if not searcher.holds(trial):
        raise DroppedTrial
    searcher.end(trial, state, trainer.objective, message)
    if trainer.is_world_process_zero():
        shutil.rmtree(Path(trainer.args.output_dir) / STAGED / str(trial.number), ignore_errors=True)


def train_once(trainer: FairTrainer, searcher: Searcher, trial: BaseTrial, train: Callable[[], Any]) -> Any:
    """Train a trial on the training split; its last evaluation gives its value, and its scores stay."""
    with staged(trainer, propose(trainer, searcher.plan, trial)):
        output = train()
        trainer.divergence.refuse(trainer)
        trainer.method.finish(trainer.model)
        scored = trainer.scored_at == trainer.state.global_step
        if not scored or trainer.objective is None or type(trainer.method).finish is not Method.finish:
            # Nothing was scored since the last change; the floors are of the trial's last epoch too.
            trainer._evaluate(trial, None)
    selecting.keep_scores(trainer, trial.number)
    combining.keep_weights(trainer, searcher, trial.number)
    return output


def train_apart(trainer: FairTrainer, searcher: Searcher, trial: BaseTrial) -> None:
    """Train a trial of several stages by a trainer of its own, and score it at its end, when it is whole.

    A killed trial goes on from the checkpoint of its stage.
    """
    plan, folder = searcher.plan, Path(STAGED) / str(trial.number)
    method = propose(trainer, plan, trial)
    plan.hp_space(trial)
    found = as_trial(trainer, plan, FixedTrial(dict(trial.params), trial.number), folder, method)
    found.train(resume_from_checkpoint=True)
    trainer.model = trainer.model_wrapped = found.model
    trainer.state = found.state
    searcher.start(trial, [], counts(found.model)[1])
    trainer._evaluate(trial, None, skip_scheduler=True)
    selecting.keep_scores(trainer, trial.number)
