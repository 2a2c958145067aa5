"""A trial of a search: what it proposes, its training, its score, and how it ended."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from accelerate.utils import broadcast_object_list
from optuna.exceptions import StorageInternalError
from optuna.trial import BaseTrial, FixedTrial, TrialState
from transformers import Trainer

from ..document.search import Failure
from ..errors import FairTuneError
from ..methods.facts import Facts
from ..methods.method import Method
from ..processes import each, once
from ..search.crew import DroppedTrial
from ..search.database import UnreachableStudy, unfailing
from ..search.fate import InterruptedSearch, OutOfHours, note_batch, note_failure
from ..search.floors import UndefinedObjectiveError
from ..search.kept import memory_place
from ..search.plan import Plan
from ..search.searcher import Searcher
from ..signals import Stopped
from . import combining, selecting
from .attempts import NoMemoryError, attempted, refusal
from .baselines import as_trial
from .checkpoints import own_checkpoint
from .divergence import DivergedError
from .folded_trial import train_folds
from .smaller_batch import batch_of
from .stages import is_staged, restored, staged

if TYPE_CHECKING:
    from .fair import FairTrainer

# Where trials of several stages are trained.
STAGED = "staged"
# Errors of a trial itself, and why it failed then.
FAILURES: dict[type[Exception], Failure] = {
    DivergedError: "diverged",
    UndefinedObjectiveError: "undefined",
    NoMemoryError: "memory",
}
# Trains by the stock Trainer from a checkpoint, or from the start.
Train = Callable[[str | None], Any]


def propose(trainer: FairTrainer, plan: Plan, trial: BaseTrial) -> Method:
    """Return the method that `trial` proposes."""
    return trainer.open_method.suggest(trial, facts_of(trainer, plan))


def facts_of(trainer: FairTrainer, plan: Plan) -> Facts:
    """Return the facts with the mode's way to propose masks."""
    return replace(trainer.facts, proposal=plan.mode.proposal)


def drawn(trainer: FairTrainer, plan: Plan, trial: BaseTrial) -> None:
    """Draw a trial whole; what is drawn before gives the same again."""
    propose(trainer, plan, trial)
    plan.hp_space(trial)


def train_trial(trainer: FairTrainer, searcher: Searcher, trial: BaseTrial, train: Train) -> Any:
    """Train by what a trial proposes, on folds or by `train` of the stock Trainer, and report how it ended.

    One that does not end goes back to the queue, as the search leaves its study.

    Raises:
        InterruptedSearch: it did not end.
        DroppedTrial: it is another worker's.
        UnreachableStudy: the study's database failed.
    """
    start, output = time.monotonic(), None
    own: tuple[type[Exception], ...] = (optuna.TrialPruned, *FAILURES, *searcher.plan.study.catch)
    try:
        if not broadcast_object_list([searcher.begins(trial)])[0]:
            raise DroppedTrial
        run, mark = partial(train_by, trainer, searcher, trial, train), None
        if trainer.args.world_size > 1:
            each(partial(drawn, trainer, searcher.plan, trial))  # so that an error of one is one of all
            mark = memory_place(Path(trainer.args.output_dir), trial.number)
            if (reason := once(partial(refusal, trial, mark))) is not None:
                raise NoMemoryError(reason)
        output = attempted(trial, run, (*own, StorageInternalError), mark)
        end(trainer, searcher, trial, TrialState.COMPLETE)
    except StorageInternalError as gone:
        raise UnreachableStudy from gone
    except own as error:
        with unfailing():
            end_early(trainer, searcher, trial, error)
        if trainer.is_world_process_zero():
            raise
        # Only the main process has a study that takes the exception; raised here it would end the process.
        return None
    except (Exception, KeyboardInterrupt, Stopped, OutOfHours) as error:  # raised again, around Optuna
        if not trainer.is_world_process_zero():
            raise
        with suppress(Exception):  # a study that cannot be written is put in order at the next start
            if isinstance(error, OutOfHours):
                searcher.end(trial, TrialState.PRUNED, trainer.objective)
            searcher.put_back(trial)
        raise InterruptedSearch(error) from error
    finally:
        with suppress(FairTuneError):  # Optuna would file it as this trial's; the next epoch writes the hours
            searcher.ration.note(time.monotonic() - start, trained_here(trainer, searcher))
    return output


def trained_here(trainer: FairTrainer, searcher: Searcher) -> float:
    """Return the share of the trial at hand that this process trained."""
    if searcher.plan.folds and trainer.cross_fit is not None:
        return trainer.cross_fit.share
    state, first = trainer.state, getattr(trainer, "_initial_global_step", 0)
    return max(0, state.global_step - first) / max(1, state.max_steps)


def train_by(trainer: FairTrainer, searcher: Searcher, trial: BaseTrial, train: Train) -> Any:
    """Train a trial, from its last checkpoint if there is one; return what the stock Trainer does, if it trained."""
    trainer.objective, trainer.scored_at, trainer.hours_are_up, searcher.excess = None, -1, False, {}
    fit = trainer.cross_fit if searcher.plan.folds else None
    if fit is not None:
        return train_folds(trainer, fit, searcher, trial)
    if is_staged(propose(trainer, searcher.plan, trial)):
        return train_apart(trainer, searcher, trial)
    return train_once(trainer, searcher, trial, train)


def end_early(trainer: FairTrainer, searcher: Searcher, trial: BaseTrial, error: Exception) -> None:
    """Report why a trial was pruned or failed."""
    if isinstance(error, optuna.TrialPruned):
        end(trainer, searcher, trial, TrialState.PRUNED)
    else:
        why: Failure = next((why for kind, why in FAILURES.items() if isinstance(error, kind)), "caught")
        end(trainer, searcher, trial, TrialState.FAIL, (why, str(error)))
    trainer.objective = math.nan if trainer.objective is None else trainer.objective


def end(
    trainer: FairTrainer,
    searcher: Searcher,
    trial: BaseTrial,
    state: TrialState,
    failed: tuple[Failure, str] | None = None,
) -> None:
    """Report how a trial ended, and why it failed; its checkpoints are not needed any more.

    Raises:
        DroppedTrial: it is another worker's by now.
    """
    if not searcher.holds(trial):
        raise DroppedTrial
    if failed is not None:
        note_failure(trial, failed[0])
    searcher.end(trial, state, trainer.objective, None if failed is None else failed[1])
    if trainer.is_world_process_zero():
        shutil.rmtree(Path(trainer.args.output_dir) / STAGED / str(trial.number), ignore_errors=True)
        own = Path(folder_of(trainer, trial))
        for checkpoint in own.glob("checkpoint-*"):
            shutil.rmtree(checkpoint, ignore_errors=True)
        with suppress(OSError):  # it is not there, or holds logs
            own.rmdir()


def folder_of(trainer: FairTrainer, trial: BaseTrial) -> str:
    """Return the folder of a trial that trains once, as the stock Trainer names it."""
    return Trainer._get_output_dir(trainer, trial)


def train_once(trainer: FairTrainer, searcher: Searcher, trial: BaseTrial, train: Train) -> Any:
    """Train a trial on the training split; its last evaluation gives its value, and its scores stay.

    A trial that was stopped goes on from the checkpoint in its own folder.
    """
    method = propose(trainer, searcher.plan, trial)
    with restored(trainer):
        for name, value in searcher.plan.hp_space(trial).items():
            setattr(trainer.args, name, value)
        trainer.args.output_dir = folder_of(trainer, trial)
        trainer._train_batch_size = trainer.args.train_batch_size
        with staged(trainer, method):
            output = train(own_checkpoint(trainer, method))
            trainer.divergence.refuse(trainer)
            trainer.method.finish(trainer.model)
            scored = trainer.scored_at == trainer.state.global_step
            if not scored or trainer.objective is None or type(trainer.method).finish is not Method.finish:
                # Nothing was scored since the last change; the floors are of the trial's last epoch too.
                trainer._evaluate(trial, None)
        if trainer.args.auto_find_batch_size:
            note_batch(trial, batch_of(trainer))
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
    searcher.start(trial, [], found.training_log.training(found).trainable_parameters)
    trainer._evaluate(trial, None, skip_scheduler=True)
    selecting.keep_scores(trainer, trial.number)
