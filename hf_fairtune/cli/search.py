"""Search what to fine-tune so that the worst-off group does best, train the winner, test it once."""

import math
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from .. import catalog
from ..audits.compute import direction, greater_is_better
from ..audits.replication import LEAST
from ..combinations.combination import Combination, combination_named
from ..data.arguments import DataArguments
from ..document.document import RUN_FILE
from ..document.run import SINGLE
from ..errors import FairTuneError
from ..files.lock import BusyError
from ..search.floors import MIN_AUC, Floors
from ..search.hours import Clock
from ..search.modes import MODES, mode_named
from ..search.space import LearningRate
from ..selections.selection import selection_named
from ..trainer.arguments import FairTrainingArguments
from ..trainer.baselines import BASELINES, baseline_method, baseline_names, baselines_of, seeds_after
from ..trainer.fair import FairTrainer
from ..trainer.price import cost, searched_methods
from ..trainer.refusals import check_search
from .job import Job, held
from .model import ModelArguments
from .notes import say, say_power, say_subset, warn_of_small_groups
from .price import kept_line, price_line, price_of
from .sharing import SharingArguments
from .spending import Spending
from .tuning import choose, finish, share_baselines

EXAMPLE = """  fairtune search --dataset lesions.csv --label malignant --positive yes --group sex --group age:60 \\
      --cluster patient_id --model google/vit-base-patch16-224 --trials 40 --output_dir fairtune-lesions

  Killed? The same command goes on where it was. Started again meanwhile, it is another worker."""


NO_BASELINE = "none"


@dataclass
class SearchArguments(SharingArguments):
    """How to search."""

    trials: int = field(default=40, metadata={"help": "Trials in all; the paper takes 40 to 100."})
    mode: str = field(
        default="default",
        metadata={
            "help": "paper as in its text, published as in its code, random draws and stops nothing: a control.",
            "choices": [*MODES],
        },
    )
    objective: str = field(
        default="min_group_auc",
        metadata={
            "help": "Metric of validation to search by: auc, auc_gap, auc_GROUP, equalized_odds_difference_fitted, "
            "...; it knows its direction. Of several classes it is the worst; macro_min_group_auc, ... is the mean, "
            "min_group_auc_CLASS one's. Names of the published code too: min_acc, acc_diff, max_loss, ..."
        },
    )
    baselines: list[str] | None = field(
        default=None,
        metadata={
            "help": "What the winner is compared with, each tuned by the same search: methods, or preset masks; none "
            "alone for no baseline. Default: those of "
            f"{' '.join(BASELINES)} that the model has."
        },
    )
    baseline_trials: int | None = field(
        default=None,
        metadata={"help": "Trials of each baseline. Default: as many as --trials.", "aliases": ["--rival_trials"]},
    )
    seeds: int = field(
        default=3,
        metadata={
            "help": "Trainings of the winner and of each baseline: 3 or more tell what a method does, 1 does not."
        },
    )
    learning_rate_low: float = field(default=1e-5, metadata={"help": "Lowest learning rate searched; the paper's."})
    learning_rate_high: float = field(default=1e-3, metadata={"help": "Highest learning rate searched; the paper's."})
    max_hours: float | None = field(
        default=None,
        metadata={
            "help": "Hours of the whole run, those before a kill included: the search ends early enough to train what "
            "is best so far, and each baseline gets as many trials. Default: no limit."
        },
    )

    search_fraction: float = field(
        default=1.0,
        metadata={
            "help": "Share of the training rows, of every group and label, that trials train on, the same in each; "
            "the final trainings take all. A learning rate chosen on a tenth of the steps may not suit all of them."
        },
    )
    min_auc: float | None = field(
        default=None,
        metadata={
            "help": f"AUC of all validation rows below which a trial cannot win; 0 for none. Default: {MIN_AUC} for a "
            "gap or a ratio between groups, else none."
        },
    )
    selection: str = field(
        default="best",
        metadata={
            "help": "Rule that chooses the winner: by the best value, by the best bound of it, the smallest within "
            "one standard error, by folds of train and validation, or by the groups' AUCs: dto the nearest to the "
            "best of each, pareto the best for the worst-off group.",
            "choices": catalog.names("selections"),
        },
    )
    folds: int = field(
        default=0,
        metadata={
            "help": "Train each trial on so many folds of train and validation together, and score it out of fold on "
            "all their rows. Default: 0, one training scored on validation."
        },
    )
    combine: str = field(
        default="none",
        metadata={
            "help": "What becomes of the winner and other trials, of each baseline's too: none, the winner is trained "
            "alone; ensemble, the mean of their probabilities; distill, one model trained on that; soup, the mean of "
            "their weights. --baselines single sets the winner alone beside it.",
            "choices": catalog.names("combinations"),
        },
    )

    def __post_init__(self) -> None:
        Floors(self.min_auc)
        self.options()
        for name in ("trials", "baseline_trials"):
            if (count := getattr(self, name)) is not None and count < 1:
                raise FairTuneError(f"`--{name}` is {count}; a search takes at least one.")
        if not 0 < self.search_fraction <= 1:
            raise FairTuneError(f"`--search_fraction` is {self.search_fraction:g}; give a share above 0, at most 1.")
        mode, selection = mode_named(self.mode, self.trials, 0, 0), selection_named(self.selection)
        check_search(self.folds, mode, selection, self.combination, self.search_fraction)
        if self.max_hours is not None and not 0 < self.max_hours < math.inf:
            raise FairTuneError(f"`--max_hours` is {self.max_hours:g}; give a finite number above 0.")
        self.baselines = [] if self.baselines == [NO_BASELINE] else self.baselines
        named = self.baselines or []
        if len({*named}) < len(named):
            raise FairTuneError(f"`--baselines {' '.join(named)}` names one twice; name each once.")
        if SINGLE in named and not self.combination.combines:
            raise FairTuneError(
                f"`--baselines {SINGLE}` is the winner without what `--combine` makes of it, which is nothing; add "
                "`--combine distill`, or leave it out."
            )
        for name in self.others:
            if name not in baseline_names():
                raise FairTuneError(
                    f"`--baselines`: `{name}` is not one of the baselines; choose from {', '.join(baseline_names())}, "
                    f"{SINGLE} beside `--combine`, or {NO_BASELINE} alone."
                )
            method = baseline_method(name)
            if not method.needs.original_training_data:
                raise FairTuneError(
                    f"`--baselines {name}` repairs a trained model, but a search starts from a pretrained one; set "
                    "both side by side by `fairtune compare`."
                )
            if self.combination.teachers:
                method.taught(None)  # refuses one that no teacher can teach
        seeds_after(0, self.seeds, LEAST)
        if greater_is_better(self.objective) is None:
            direction(self.objective)  # refuses what is a metric of no group either
        self.rates()

    @property
    def combination(self) -> Combination:
        """Return the rule that combines trials."""
        return combination_named(self.combine)

    @property
    def others(self) -> list[str]:
        """Return the baselines that are searched."""
        return [name for name in self.baselines or [] if name != SINGLE]

    @property
    def alone(self) -> bool:
        """Return whether the winner alone is a baseline of what it is combined to."""
        return SINGLE in (self.baselines or [])

    def beside(self, trainer: FairTrainer) -> "SearchArguments":
        """Return these arguments with the baselines that a trainer's model has, where none are named."""
        return self if self.baselines is not None else replace(self, baselines=baselines_of(trainer.facts))

    def rates(self) -> LearningRate:
        """Return the range of learning rates."""
        return LearningRate(self.learning_rate_low, self.learning_rate_high)


ARGUMENTS = (DataArguments, ModelArguments, SearchArguments, FairTrainingArguments)


def run(
    data: DataArguments,
    model: ModelArguments,
    search: SearchArguments,
    hyperparameters: Any,
    training: FairTrainingArguments,
) -> None:
    """Run the whole of FairTune, or the rest of it."""
    job = Job(data, model, hyperparameters, training, search.public())
    if job.finished():
        job.print_result()
        return
    clock = Clock(Path(training.output_dir) if training.process_index == 0 else None)
    trainer = job.trainer(search.objective, search.folds)
    search = search.beside(trainer)
    say_power(trainer)
    warn_of_small_groups(trainer)
    say_subset(trainer, search.search_fraction)
    plan = spending(trainer, search, clock)
    counts = plan.n_trials, plan.n_trainings, search.folds, plan.n_refits
    say(trainer, price_line(price_of(trainer, plan.seconds, *counts)))
    if search.combination.combines:
        say(trainer, kept_line(trainer.model, search.trials * max(1, search.folds)))
    choose(trainer, search, search.trials, plan.ration())
    with ExitStack() as stack:
        try:
            stack.enter_context(held(job.folder, training.process_index))
        except BusyError:
            share_baselines(trainer, search, plan)
            return
        if not (job.folder / RUN_FILE).is_file():  # another worker may have finished it
            finish(job, trainer, search, plan)
            clock.keep()
    job.print_result()


def spending(trainer: FairTrainer, search: SearchArguments, clock: Clock) -> Spending:
    """Time a few steps of each kind of trial and of each baseline."""
    say(trainer, "timing a few steps of each kind of training")
    chosen = selection_named(search.selection)
    priced = partial(cost, trainer, fraction=search.search_fraction, folds=search.folds, refits=chosen.refits)
    own = {name: priced(method) for name, method in searched_methods(trainer).items()}
    others = {name: own[name] if name in own else priced(baseline_method(name)) for name in search.others}
    limit = math.inf if search.max_hours is None else 3600 * search.max_hours
    trials = search.trials, search.baseline_trials or search.trials
    rule, alone = search.combination, search.alone
    kinds, teachers = [*own.values()], rule.teachers * max(1, search.folds)
    again = rule.retrained, chosen.finalists, chosen.refits
    return Spending(clock, limit, *trials, search.seeds, kinds, others, teachers, alone, *again)
