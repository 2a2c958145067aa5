"""FairTune's algorithm 1 on `Trainer.hyperparameter_search`: every trial trains by what it proposes."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from accelerate.utils import broadcast_object_list
from optuna.trial import BaseTrial, FixedTrial, TrialState
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.trainer_utils import BestRun, SaveStrategy

from ..combinations.combination import Combination, combination_named
from ..document.search import Trial
from ..errors import FairTuneError
from ..methods.facts import Facts
from ..methods.method import Method
from ..search.floors import UndefinedObjectiveError, note
from ..search.modes import Mode, mode_named
from ..search.plan import Plan
from ..search.searcher import InterruptedSearch, Searcher
from ..selections.selection import Selection, selection_named
from . import combining, selecting
from .divergence import DivergedError
from .fingerprint import fingerprint
from .folded_trial import train_folds
from .folding import cross_fit
from .heap import unexamined_heap
from .kept_start import kept_start
from .refusals import check_one_stage, check_search
from .stages import restored, staged
from .subset import check_subset, on_subset

if TYPE_CHECKING:
    from .fair import FairTrainer

FAILURES = (DivergedError, UndefinedObjectiveError)


def search(
    trainer: FairTrainer,
    plan: Plan,
    selection: str | Selection,
    combination: str | Combination,
    stock: Callable[..., Any],
) -> BestRun:
    """Search as `find_winner` does, and combine trials by a rule; the start of the trials is built once."""
    trainer.method, trainer.team = trainer.open_method, None
    selection = selection_named(selection) if isinstance(selection, str) else selection
    combination = combination_named(combination) if isinstance(combination, str) else combination
    combining.check(trainer, combination)
    check_one_stage(trainer.method)
    with kept_start(trainer):
        found = find_winner(trainer, plan, selection, combination, stock)
        if combination.combines:
            combining.combine(trainer, plan, combination, partial(propose, trainer, plan))
    return found


def find_winner(
    trainer: FairTrainer, plan: Plan, selection: Selection, combination: Combination, stock: Callable[..., Any]
) -> BestRun:
    """Run the trials that are left by `hyperparameter_search` of the stock Trainer, and take the winner by a rule."""
    check_search(plan.folds, plan.mode, selection, combination, plan.fraction)
    selection.check(selecting.objective_of(plan), trainer.class_names)
    check_subset(trainer, plan.fraction)
    trainer.cross_fit = cross_fit(trainer, plan, selection, partial(propose, trainer, plan))
    if plan.by_name:
        selecting.objective_cells(trainer, plan.objective_name, plan.folds)
    searcher = open_searcher(trainer, plan)
    searcher.keeps_weights = combination.combines
    if (line := note(plan.objective_name)) and trainer.is_world_process_zero():
        print_once(line)
    try:
        if searcher.shared:
            rules = {selection.name: selection.scores, combination.name: combination.combines}
            searcher.shared.join(next((name for name, reads in rules.items() if reads), ""))
        selecting.check_kept(trainer, searcher, selection)
        combining.check_kept(trainer, searcher, combination)
        with searching(trainer, searcher):
            run_trials(trainer, searcher, stock)
        # Every process is to know that there is none.
        lacking = broadcast_object_list([searcher.no_winner() if searcher.is_barren else None])[0]
        if lacking is not None:
            raise lacking
        chosen = selecting.choose(trainer, plan, selection)
    finally:
        searcher.close()
    return adopt_winner(trainer, plan, chosen)


def run_trials(trainer: FairTrainer, searcher: Searcher, stock: Callable[..., Any]) -> None:
    """Run the trials that are left, one at a time, so that all processes go on, or stop, together."""
    plan = searcher.plan
    while broadcast_object_list([searcher.goes_on()])[0]:
        try:
            stock(
                lambda trial: draw(trainer, plan, trial),
                plan.objective,
                1,
                plan.direction,
                "optuna",
                plan.hp_name,
                catch=(*FAILURES, *plan.study.catch),
                **searcher.options(),
            )
        except ValueError as error:
            # Optuna asks for the best of no trial.
            if isinstance(error, FairTuneError) or not searcher.is_barren:
                raise


@cache
def print_once(line: str) -> None:
    """Print what a search of several methods would else print for each."""
    print(line, file=sys.stderr)


def open_searcher(trainer: FairTrainer, plan: Plan) -> Searcher:
    """Open the search of the output folder on the main process, and what follows it on the others."""
    if not trainer.is_world_process_zero():
        return Searcher(plan)
    presets, folder = trainer.method.presets(facts_of(trainer, plan)), Path(trainer.args.output_dir)
    return Searcher.open(plan, folder, fingerprint(trainer, plan), presets, trainer.ration)


def mode_of(trainer: FairTrainer, mode: str | Mode, n_trials: int, folds: int) -> Mode:
    """Return a mode, or that of a name with so many trials; a cross-fitted one is judged from its first fold on."""
    if isinstance(mode, Mode):
        return mode
    return mode_named(mode, n_trials, trainer.args.seed, 0 if folds else warmup_epochs(trainer))


def epochs_of(trainer: FairTrainer) -> float:
    """Return the epochs of a training, which `max_steps` may set; 1 where the length of one is not known."""
    if trainer.args.max_steps <= 0:
        return float(trainer.args.num_train_epochs)
    return trainer.args.max_steps / _lengths(trainer)[1]


def warmup_epochs(trainer: FairTrainer) -> int:
    """Return the epochs in which no trial is judged."""
    steps = _lengths(trainer)[-1]
    return math.ceil(trainer.args.get_warmup_steps(steps) / steps * epochs_of(trainer))


def _lengths(trainer: FairTrainer) -> tuple[Any, ...]:
    lengths: tuple[Any, ...] = trainer.set_initial_training_values(trainer.args, trainer.get_train_dataloader())
    return lengths


@contextmanager
def searching(trainer: FairTrainer, searcher: Searcher) -> Iterator[None]:
    """Search for a while: only folds save checkpoints, and the progress line is the only one printed."""
    verbosity, start = optuna.logging.get_verbosity(), time.monotonic()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trainer.searcher = searcher
    try:
        with restored(trainer), on_subset(trainer, searcher.plan.fraction), unexamined_heap():
            for kind in (ProgressCallback, PrinterCallback):
                trainer.remove_callback(kind)
            if not searcher.plan.folds:
                trainer.args.save_strategy, trainer.args.load_best_model_at_end = SaveStrategy.NO, False
            yield
        # Every process is to know the trials.
        trainer.search = broadcast_object_list([searcher.facts(time.monotonic() - start)])[0]
    except InterruptedSearch:
        raise KeyboardInterrupt from None
    finally:
        trainer.searcher = trainer.hp_search_backend = None
        optuna.logging.set_verbosity(verbosity)


def draw(trainer: FairTrainer, plan: Plan, trial: BaseTrial) -> dict[str, Any]:
    """Draw a trial whole: on several processes this comes before the model is built, on one after."""
    propose(trainer, plan, trial)
    return plan.hp_space(trial)


def propose(trainer: FairTrainer, plan: Plan, trial: BaseTrial) -> Method:
    """Return the method that `trial` proposes."""
    return trainer.open_method.suggest(trial, facts_of(trainer, plan))


def facts_of(trainer: FairTrainer, plan: Plan) -> Facts:
    """Return the facts with the mode's way to propose masks."""
    return replace(trainer.facts, proposal=plan.mode.proposal)


def train_trial(trainer: FairTrainer, searcher: Searcher, trial: BaseTrial, train: Callable[[], Any]) -> Any:
    """Train by what a trial proposes, on folds or by `train` of the stock Trainer, and report how it ended."""
    if searcher.shared:
        searcher.shared.claim(trial)
    trainer.objective, trainer.scored_at, start, output = None, -1, time.monotonic(), None
    fit = trainer.cross_fit if searcher.plan.folds else None
    caught: tuple[type[Exception], ...] = (optuna.TrialPruned, *FAILURES, *searcher.plan.study.catch)
    try:
        if fit is None:
            output = train_once(trainer, searcher, trial, train)
        else:
            train_folds(trainer, fit, searcher, trial)
        searcher.end(trial, TrialState.COMPLETE, trainer.objective)
    except KeyboardInterrupt as stop:
        raise InterruptedSearch from stop
    except caught as error:
        pruned = isinstance(error, optuna.TrialPruned)
        state, message = (TrialState.PRUNED, None) if pruned else (TrialState.FAIL, str(error))
        searcher.end(trial, state, trainer.objective, message)
        trainer.objective = math.nan if trainer.objective is None else trainer.objective
        if trainer.is_world_process_zero():
            raise
        # Only the main process has a study that takes the exception; raised here it would end the process.
        return None
    finally:
        share = fit.share if fit else trainer.state.global_step / max(1, trainer.state.max_steps)
        searcher.ration.note(time.monotonic() - start, share)
    return output


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


def adopt_winner(trainer: FairTrainer, plan: Plan, chosen: Trial) -> BestRun:
    """Take the winner's method and arguments, on every process."""
    winner = FixedTrial(dict(chosen.params), chosen.number)
    trainer.method = propose(trainer, plan, winner)
    for name, value in plan.hp_space(winner).items():
        setattr(trainer.args, name, value)
    trainer.model = trainer.model_wrapped = trainer.call_model_init()
    return BestRun(str(chosen.number), chosen.value, dict(chosen.params))
