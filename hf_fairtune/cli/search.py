"""Search what to fine-tune so that the worst-off group does best, train the winner, test it once."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..audits.compute import direction, greater_is_better
from ..data.arguments import DataArguments
from ..errors import FairTuneError
from ..search.modes import MODES
from ..search.space import LearningRate
from ..trainer.arguments import FairTrainingArguments
from .job import BASELINE_ID, Job, full_baseline, say, say_power, train, warn_of_small_groups
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
    learning_rate_low: float = field(default=1e-5, metadata={"help": "Lowest learning rate searched; the paper's."})
    learning_rate_high: float = field(default=1e-3, metadata={"help": "Highest learning rate searched; the paper's."})

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise FairTuneError(f"`--trials` is {self.trials}; a search takes at least one.")
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
        trainer.hyperparameter_search(search.rates(), search.objective, search.trials, mode=search.mode)
        say(trainer, f"training the winner at learning rate {trainer.args.learning_rate:.2e}")
        train(trainer)
        baseline = full_baseline(trainer)
        say(trainer, f"training all weights at learning rate {baseline.args.learning_rate:.2e}, to compare with")
        train(baseline)
        # Only now, and once: nothing is chosen after the test split was seen.
        baseline.audit("test")
        assert trainer.audits is not None
        assert baseline.audits is not None
        compared = baseline.document.model_named(baseline.document.model)
        trainer.audits.adopt(baseline.audits, replace(compared, id=BASELINE_ID))
        trainer.audit("test", reference=BASELINE_ID)
        job.hand_over(trainer)
    job.print_result()
