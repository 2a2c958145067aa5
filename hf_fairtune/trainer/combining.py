"""The trials of a search combined into one classifier by a rule; the same on every process."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from accelerate.utils import broadcast_object_list
from optuna.trial import BaseTrial
from peft import PeftModel

from ..audits.compute import numbers
from ..combinations.combination import Combination
from ..combinations.library import Library
from ..document.search import Combined, Member
from ..errors import FairTuneError
from ..families.moved import COPY, moved_tensors
from ..methods.method import Method
from ..methods.teacher import Teacher
from ..search.kept import kept_weights, weights_place, write_weights
from ..search.plan import Plan
from ..search.searcher import Searcher
from ..search.study import numbers_of_feasible
from .classes import scored_logits
from .selecting import objective_of, scored_by
from .stages import is_staged, start_model
from .team import Team, weights_of

if TYPE_CHECKING:
    from .fair import FairTrainer


def check(trainer: FairTrainer, combination: Combination) -> None:
    """Check that a method can be combined, before a trial is run.

    Raises:
        FairTuneError: it takes several stages, its training would not ask a teacher, or moves weights that the plain
            model does not have.
    """
    if combination.combines and is_staged(trainer.open_method):
        raise FairTuneError(
            f"`{combination.name}` combines trials of one training each, but the method {trainer.open_method.name!r} "
            "takes several stages; leave out `combine`."
        )
    adapted = trainer.model if combination.combines and isinstance(trainer.model, PeftModel) else None
    if adapted is not None and not all(COPY in name for name, p in adapted.named_parameters() if p.requires_grad):
        raise FairTuneError(
            f"`{combination.name}` combines weights of the plain model, which the adapter of `peft_config` does not "
            "have; leave out `combine`, or give a `MaskConfig`."
        )
    if combination.teachers:
        trainer.open_method.taught(None)
        if trainer.compute_loss_func is not None:
            raise FairTuneError("`compute_loss_func` would not ask the teacher of `distill`; leave one of them out.")


def check_kept(trainer: FairTrainer, searcher: Searcher, combination: Combination) -> None:
    """Check that the trials of an earlier process kept their weights, where more are to be run beside them.

    Raises:
        FairTuneError: one did not.
    """
    wanted = combination.combines and searcher.study is not None and searcher.remaining
    for number in numbers_of_feasible(searcher.study) if wanted and searcher.study else ():
        if not kept_weights(Path(trainer.args.output_dir), number):
            raise FairTuneError(
                f"trial {number} has no kept weights (`{weights_place(Path(trainer.args.output_dir), number)}`), so "
                f"that `{combination.name}` cannot combine it with more trials; search in another output_dir."
            )


def keep_weights(trainer: FairTrainer, searcher: Searcher, number: int) -> None:
    """Keep what a trial moved, if it is feasible and a combination may take it."""
    feasible = not any(excess > 0 for excess in searcher.excess.values())
    if searcher.keeps_weights and feasible and trainer.is_world_process_zero():
        write_weights(weights_place(Path(trainer.args.output_dir), number), moved_tensors(trainer.model))


def combine(
    trainer: FairTrainer, plan: Plan, combination: Combination, propose: Callable[[BaseTrial], Method]
) -> None:
    """Combine trials of the trainer's search and note there which; `train()` trains what they make, or teach.

    The weights of the others are deleted then, unless the rule would read them in a run that goes on after a kill, or
    trials are left.
    """
    start, search, objective = time.monotonic(), trainer.search, objective_of(plan)
    assert search is not None
    complete = [trial.number for trial in search.complete]
    first = complete.index(search.best_trial or 0)

    def scores_of(places: Sequence[int]) -> np.ndarray:
        return scores_together(trainer, combination, [complete[place] for place in places])

    def is_feasible(scores: np.ndarray) -> bool:
        found = numbers(replace(scored.rows, scores=scores), scored.included, scored.folds)
        return plan.floors.are_kept({f"eval_{name}": value for name, value in found.items()})

    scored = scored_by(trainer, plan, search.complete)
    library = Library(objective, scored, first, trainer.args.seed, scores_of, is_feasible)
    steps = combination.members(library)
    bounds = objective.gains(np.array([step.bound for step in steps])).tolist()
    members = [Member(complete[step.place], step.value, bound) for step, bound in zip(steps, bounds, strict=True)]
    combined = Combined(combination.name, combination.title, members)
    seconds = search.seconds + time.monotonic() - start
    trainer.search = broadcast_object_list([replace(search, combination=combined, seconds=seconds)])[0]
    taken = [member.trial for member in members]
    if combination.teachers:
        teach(trainer, combination, taken)
    else:
        own = [next(trial for trial in search.complete if trial.number == number) for number in taken]
        trainer.team = Team(combination, plan, own, propose)
    # A search that its hours ended may go on with more of them.
    if not combination.reads_weights and search.n_finished >= search.n_trials:
        forget(trainer, {*complete} - {*taken})


def teach(trainer: FairTrainer, combination: Combination, numbers: Sequence[int]) -> None:
    """Let what some trials make together teach the trainer's method."""
    model = combination.made(start_model(trainer), weights_of(trainer, numbers))
    trainer.method = trainer.method.taught(Teacher(model, tuple(numbers)))


def scores_together(trainer: FairTrainer, combination: Combination, numbers: Sequence[int]) -> np.ndarray:
    """Score the validation rows by what some trials make together, [n] or [n, k]."""
    whole = trainer.model
    model = combination.made(start_model(trainer), weights_of(trainer, numbers))
    trainer.model = trainer.model_wrapped = model.to(trainer.args.device)
    try:
        return scored_logits(trainer, trainer.predict(trainer.eval_dataset).predictions)
    finally:
        trainer.model = trainer.model_wrapped = whole


def forget(trainer: FairTrainer, numbers: Collection[int]) -> None:
    """Delete the weights that some trials kept."""
    if trainer.is_world_process_zero():
        for number in numbers:
            for path in kept_weights(Path(trainer.args.output_dir), number):
                path.unlink()
