"""FairTune's algorithm 1 on `Trainer.hyperparameter_search`: every trial trains by what it proposes."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from accelerate.utils import broadcast_object_list
from optuna.trial import BaseTrial, FixedTrial
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.trainer_utils import BestRun, SaveStrategy

from ..combinations.combination import Combination
from ..document.search import Trial
from ..errors import FairTuneError
from ..processes import once
from ..search.crew import DroppedTrial
from ..search.database import reachable, unfailing
from ..search.fate import InterruptedSearch, OutOfHours
from ..search.floors import note
from ..search.modes import Mode, mode_named
from ..search.plan import Plan
from ..search.searcher import Searcher
from ..search.study import place_of
from ..selections.selection import Selection
from . import combining, selecting
from .fingerprint import fingerprint
from .folding import cross_fit
from .heap import unexamined_heap
from .kept_start import kept_start
from .refusals import check_catch, check_search
from .stages import is_staged, restored
from .stopping import stop_if_asked
from .subset import check_subset, on_subset
from .trial import FAILURES, facts_of, propose

if TYPE_CHECKING:
    from .fair import FairTrainer


# Runs the trials that are left.
Run = Callable[["FairTrainer", Searcher], None]


def search(trainer: FairTrainer, plan: Plan, selection: Selection, combination: Combination, run: Run) -> BestRun:
    """Run the trials that are left, take the winner by a rule, and combine trials by another."""
    with kept_start(trainer):
        with opened(trainer, plan, selection, combination) as searcher:
            with searching(trainer, searcher):
                run(trainer, searcher)
            # Every process is to know that there is none.
            lacking = broadcast_object_list([searcher.no_winner() if searcher.is_barren else None])[0]
            if lacking is not None:
                raise lacking
            chosen = selecting.choose(trainer, plan, selection)
        found = adopt_winner(trainer, plan, chosen)
        if combination.combines:
            combining.combine(trainer, plan, combination, partial(propose, trainer, plan))
    return found


def take_part(trainer: FairTrainer, plan: Plan, selection: Selection, combination: Combination, run: Run) -> None:
    """Run the trials that are left of a search whose winner another process takes."""
    with kept_start(trainer), opened(trainer, plan, selection, combination) as searcher, searching(trainer, searcher):
        run(trainer, searcher)


@contextmanager
def opened(trainer: FairTrainer, plan: Plan, selection: Selection, combination: Combination) -> Iterator[Searcher]:
    """Open the search of the output folder, and close it; one that cannot be done is refused before."""
    trainer.method, trainer.team = trainer.open_method, None
    combining.check(trainer, combination)
    with reachable(place_of(Path(trainer.args.output_dir), plan.study), plan.study.storage):
        check_search(plan.folds, plan.mode, selection, combination, plan.fraction)
        check_catch(plan.study.catch, trainer.args.world_size)
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
            yield searcher
        finally:
            searcher.close()


def run_trials(stock: Callable[..., Any], trainer: FairTrainer, searcher: Searcher) -> None:
    """Run trials by the stock `hyperparameter_search`, one at a time, so that all processes go on, or stop, together.

    Those that other workers run are waited for: one that dies leaves its own.
    """
    plan = searcher.plan
    while (pause := broadcast_object_list([searcher.pause()])[0]) is not None:
        stop_if_asked(trainer.args, "between two trials")
        if pause:
            time.sleep(pause)
            continue
        try:
            stock(
                partial(draw, trainer, searcher),
                plan.objective,
                1,
                plan.direction,
                "optuna",
                plan.hp_name,
                catch=(*FAILURES, *plan.study.catch),
                **searcher.options(),
            )
        except DroppedTrial:
            continue
        except (ValueError, AssertionError) as error:
            # Optuna asks for the best of no trial, or cannot end one that is not this worker's any more.
            if isinstance(error, FairTuneError) or not (searcher.has_lost() or searcher.is_barren):
                raise
        except (InterruptedSearch, OutOfHours) as stop:
            # Out of hours the search goes on to its winner.
            if not isinstance(getattr(stop, "reason", stop), OutOfHours):
                raise


@cache
def print_once(line: str) -> None:
    """Print what a search of several methods would else print for each."""
    print(line, file=sys.stderr)


def open_searcher(trainer: FairTrainer, plan: Plan) -> Searcher:
    """Open the search of the output folder on the main process, and what follows it on the others."""
    opened = list[Searcher]()

    def work() -> None:
        presets, folder = trainer.method.presets(facts_of(trainer, plan)), Path(trainer.args.output_dir)
        opened.append(Searcher.open(plan, folder, fingerprint(trainer, plan), presets, trainer.ration))

    once(work)
    return opened[0] if opened else Searcher(plan)


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
    """Search for a while: only folds and stages save checkpoints, and the progress line is the only one printed."""
    verbosity, start = optuna.logging.get_verbosity(), time.monotonic()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trainer.searcher = searcher
    try:
        with restored(trainer), on_subset(trainer, searcher.plan.fraction), unexamined_heap():
            for kind in (ProgressCallback, PrinterCallback):
                trainer.remove_callback(kind)
            if not searcher.plan.folds and not is_staged(trainer.open_method):
                trainer.args.save_strategy, trainer.args.load_best_model_at_end = SaveStrategy.NO, False
            yield
        # Every process is to know the trials.
        trainer.search = broadcast_object_list([searcher.facts(time.monotonic() - start)])[0]
    except InterruptedSearch as stop:
        raise stop.reason from stop.reason.__cause__
    finally:
        trainer.searcher = trainer.hp_search_backend = None
        optuna.logging.set_verbosity(verbosity)


def draw(trainer: FairTrainer, searcher: Searcher, trial: BaseTrial) -> dict[str, Any]:
    """Draw a trial whole: on several processes this comes before the model is built, on one after.

    Of one that is another worker's nothing is drawn; it is dropped as it begins to train. On several processes, of
    which the others wait for the trial, an error is raised as it begins to train, too.
    """
    try:
        with unfailing():
            if not searcher.begins(trial):
                return {}
            propose(trainer, searcher.plan, trial)
            return searcher.plan.hp_space(trial)
    except Exception:  # of a method, or of a space that the caller wrote
        if trainer.args.world_size == 1:
            raise
        return {}


def adopt_winner(trainer: FairTrainer, plan: Plan, chosen: Trial) -> BestRun:
    """Take the winner's method and arguments, on every process."""
    winner = FixedTrial(dict(chosen.params), chosen.number)
    trainer.method = propose(trainer, plan, winner)
    for name, value in plan.hp_space(winner).items():
        setattr(trainer.args, name, value)
    # A trial may have found a smaller one.
    trainer._train_batch_size = trainer.args.train_batch_size
    trainer.model = trainer.model_wrapped = trainer.call_model_init()
    return BestRun(str(chosen.number), chosen.value, dict(chosen.params))
