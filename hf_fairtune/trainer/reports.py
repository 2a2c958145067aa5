"""What a trial of a search tells its study, on one process or several."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import optuna
from accelerate.utils import broadcast_object_list
from optuna.trial import BaseTrial

from ..document.search import Stop
from ..families.family import counts
from ..search.crew import DroppedTrial
from ..search.searcher import Searcher
from .classes import names_of

if TYPE_CHECKING:
    from .fair import FairTrainer


# User attribute of a trial: its last AUC by group, for whoever looks at the study.
GROUPS = "groups"
# Of the share of an epoch that a step is.
ROUNDING = 1e-6


def start_trial(trainer: FairTrainer, searcher: Searcher, trial: BaseTrial) -> None:
    """Keep with a trial what its trainer trains."""
    mask = trainer.method.record().mask
    searcher.start(trial, mask.bits if mask else [], counts(trainer.model)[1])


def report_epoch(trainer: FairTrainer, searcher: Searcher, trial: BaseTrial, metrics: Mapping[str, float]) -> None:
    """Report the objective by the whole epochs so far, where Trainer reports steps; every process stops together.

    Of several evaluations in one epoch the first counts for the study; within the first epoch there is none to report.
    """
    state = trainer.state
    trainer.scored_at, epochs = state.global_step, math.floor((state.epoch or 0) + ROUNDING)
    stop = stops(trainer, searcher, trial, epochs, metrics, state.global_step >= state.max_steps)
    # For the hours it stops after the next step, where its checkpoint is written.
    trainer.hours_are_up = stop == "hours"
    if stop == "score":
        trainer.callback_handler.on_train_end(trainer.args, trainer.state, trainer.control)
        raise optuna.TrialPruned


def by_group(trainer: FairTrainer, metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Return the AUC in each group, None where there is none; of several classes there are others, and no such."""
    known = {name: metrics.get(f"eval_auc_{name}") for name in names_of(trainer)[0]}
    return {name: value if math.isfinite(value) else None for name, value in known.items() if value is not None}


def stops(
    trainer: FairTrainer, searcher: Searcher, trial: BaseTrial, step: int, metrics: Mapping[str, float], last: bool
) -> Stop | None:
    """Report the objective of a trial after a step; return, the same on every process, for what it is to stop.

    Raises:
        DroppedTrial: it is another worker's by now.
    """
    searcher.ration.clock.keep()
    trainer.objective = trainer.compute_objective(dict(metrics))
    held, stop = searcher.holds(trial), None
    if held:
        if isinstance(trial, optuna.Trial) and (known := by_group(trainer, metrics)):
            trial.set_user_attr(GROUPS, known)
        stop = searcher.report(trial, step, trainer.objective, metrics, last)
    held, stop = broadcast_object_list([held, stop])
    if not held:
        raise DroppedTrial
    return stop
