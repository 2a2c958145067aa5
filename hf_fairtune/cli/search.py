"""Search what to fine-tune so that the worst-off group does best, train the winner, test it once."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .. import catalog
from ..audits.compute import direction, greater_is_better
from ..audits.replication import LEAST
from ..data.arguments import DataArguments
from ..errors import FairTuneError
from ..search.modes import MODES
from ..search.space import LearningRate
from ..trainer.arguments import FairTrainingArguments
from ..trainer.audits import MODEL
from ..trainer.baselines import BASELINES, baseline, baseline_method, seeds_after
from ..trainer.fair import FairTrainer
from .job import Job, say, say_power, train_all, warn_of_small_groups
from .model import ModelArguments

EXAMPLE = """  fairtune search --dataset lesions.csv --label malignant --positive yes --group sex --group age:60 \\
      --cluster patient_id --model google/vit-base-patch16-224 --trials 40 --output_dir fairtune-lesions

  Killed? The same command goes on where it was."""


@dataclass
class SearchArguments:
    """How to search."""

    trials: int = field(default=40, metadata={"help": "Trials in all; the paper takes 40 to 100."})
    mode: str = field(
        default="default", metadata={"help": "paper as in its text, published as in its code.", "choices": [*MODES]}
    )
    objective: str = field(
        default="min_group_auc",
        metadata={"help": "Metric of validation to search by: auc, auc_gap, auc_GROUP, ...; it knows its direction."},
    )
    baselines: list[str] = field(
        default_factory=lambda: [*BASELINES],
        metadata={
            "help": "What the winner is compared with, each tuned by the same search: methods, or preset masks. None "
            "for no baseline."
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
    selection: str = field(
        default="best",
        metadata={
            "help": "Rule that chooses the winner: by the best value, by the best bound of it, the smallest within "
            "one standard error, or by folds of train and validation.",
            "choices": catalog.names("selections"),
        },
    )

    def __post_init__(self) -> None:
        for name in ("trials", "baseline_trials"):
            if (count := getattr(self, name)) is not None and count < 1:
                raise FairTuneError(f"`--{name}` is {count}; a search takes at least one.")
        if len({*self.baselines}) < len(self.baselines):
            raise FairTuneError(f"`--baselines {' '.join(self.baselines)}` names one twice; name each once.")
        for name in self.baselines:
            baseline_method(name)
        seeds_after(0, self.seeds, LEAST)
        if greater_is_better(self.objective) is None:
            direction(self.objective)  # refuses what is a metric of no group either
        self.rates()

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
    job = Job(data, model, hyperparameters, training, asdict(search))
    if not job.finished():
        trainer = job.trainer(objective=search.objective)
        say_power(trainer)
        warn_of_small_groups(trainer)
        choose(trainer, search, search.trials)
        for name in search.baselines:
            beside(trainer, name, search)
        # Only now, and once: nothing is chosen after the test split was seen.
        trainer.audit("test", reference=search.baselines[0] if search.baselines else None)
        assert trainer.audits is not None
        for name in search.baselines if search.seeds > 1 else ():
            trainer.audits.replicate(name)
        job.hand_over(trainer)
    job.print_result()


def choose(trainer: FairTrainer, search: SearchArguments, trials: int) -> None:
    """Search, then train what won, once a seed."""
    what = trainer.title or trainer.method.title
    say(trainer, f"searching {what}: {trials} trials")
    trainer.hyperparameter_search(
        search.rates(), search.objective, trials, mode=search.mode, selection=search.selection
    )
    if trainer.search is not None and trainer.search.selection is not None:
        say(trainer, f"trial {trainer.search.best_trial} is chosen by {trainer.search.selection.title}")
    say(trainer, f"training {what} at learning rate {trainer.args.learning_rate:.2e}")
    train_all(trainer, seeds_after(trainer.args.seed, search.seeds, LEAST))


def beside(trainer: FairTrainer, name: str, search: SearchArguments) -> None:
    """Search and train a baseline alike, hand it over in a folder of its own, and take its test results."""
    found = baseline(trainer, name)
    choose(found, search, search.baseline_trials or search.trials)
    found.audit("test")
    found.save_model()
    assert trainer.audits is not None
    assert found.audits is not None
    trainer.audits.adopt(found.audits, replace(found.document.model_named(MODEL), id=name))
