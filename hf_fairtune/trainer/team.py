"""Trials of a search that make a classifier together; with another seed they are trained again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from accelerate.utils import broadcast_object_list
from optuna.trial import BaseTrial
from torch import Tensor

from ..combinations.combination import Combination
from ..combinations.mean import MeanModel
from ..document.run import Step
from ..document.search import Trial
from ..families.moved import moved_tensors
from ..methods.method import Method
from ..search.kept import kept_weights, read_weights, weights_place, write_weights
from ..search.plan import Plan
from .audits import MODEL
from .baselines import as_trial
from .folding import fixed
from .run_facts import TrainingLog
from .stages import start_model

if TYPE_CHECKING:
    from .fair import FairTrainer


@dataclass(frozen=True)
class Team:
    """The members of a combination that is made of trained models alone.

    Their weights are those that the trials kept. A trainer with another seed, which has none, trains each of them in
    `<output_dir>/team/<trial>` and keeps its weights, so that a killed training goes on.

    Args:
        combination: what the members make.
        plan: of the search.
        trials: the members.
        propose: returns the method of a trial.
    """

    combination: Combination
    plan: Plan
    trials: Sequence[Trial]
    propose: Callable[[BaseTrial], Method]

    def train(self, trainer: FairTrainer) -> None:
        """Make the classifier the trainer's model, and log what each member took."""
        for place, trial in enumerate(self.trials, 1):
            if not broadcast_object_list([kept_weights(Path(trainer.args.output_dir), trial.number)])[0]:
                if trainer.is_world_process_zero():
                    what = f"training {place} of {len(self.trials)} · trial {trial.number} · seed {trainer.args.seed}"
                    print(f"members: {what}", file=sys.stderr, flush=True)
                self._train(trainer, trial)
        weights = weights_of(trainer, [trial.number for trial in self.trials])
        model = self.combination.made(start_model(trainer), weights)
        trainer.model = trainer.model_wrapped = model.to(trainer.args.device)
        if trainer.audits is not None:
            trainer.audits.forget(MODEL)
        trainer.training_log = log = TrainingLog(trainer.open_method)
        log.steps += [
            Step(f"trial {trial.number}", trial.reached, trial.learning_rate, trial.seconds) for trial in self.trials
        ]
        log.weights = moved_by(model, weights)
        if isinstance(model, MeanModel) and trainer.search is not None and trainer.search.combination is not None:
            combined = replace(trainer.search.combination, models=len(weights))
            trainer.search = replace(trainer.search, combination=combined)

    def _train(self, trainer: FairTrainer, trial: Trial) -> None:
        drawn = fixed(trial)
        found = as_trial(trainer, self.plan, drawn, Path("team") / str(trial.number), self.propose(drawn))
        found.train(resume_from_checkpoint=True)
        if trainer.is_world_process_zero():
            write_weights(weights_place(Path(trainer.args.output_dir), trial.number), moved_tensors(found.model))
        trainer.accelerator.wait_for_everyone()


def weights_of(trainer: FairTrainer, numbers: Sequence[int]) -> list[Mapping[str, Tensor]]:
    """Read the weights that some trials kept, on every process; of a trial that trained on folds, those of each."""
    found: list[Mapping[str, Tensor]] | None = None
    if trainer.is_world_process_zero():
        folder = Path(trainer.args.output_dir)
        places = [kept_weights(folder, number) or [weights_place(folder, number)] for number in numbers]
        found = [read_weights(path) for paths in places for path in paths]
    read: list[Mapping[str, Tensor]] = broadcast_object_list([found])[0]
    return read


def moved_by(model: object, members: Sequence[Mapping[str, Tensor]]) -> int:
    """Count the weights that members moved: of each where they stay apart, else of all together."""
    if isinstance(model, MeanModel):
        return sum(values.numel() for member in members for values in member.values())
    together = {name: values.numel() for member in members for name, values in member.items()}
    return sum(together.values())
