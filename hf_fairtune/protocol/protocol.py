"""The protocol of a comparison: every method gets the same data, trials, criterion and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from .. import catalog
from ..audits.compute import direction, greater_is_better
from ..document.benchmark import PublishedNumber
from ..errors import FairTuneError
from ..search.floors import Floors
from ..search.modes import MODES
from ..search.space import LearningRate
from ..selections.selection import selection_named
from ..trainer.arguments import FairTrainingArguments
from ..trainer.repair_arguments import RepairTrainingArguments
from .entry import Entry, check_selection
from .task import Task

# Others train their finalists again, beyond the budget that all methods share.
SELECTIONS = [name for name in catalog.names("selections") if not selection_named(name).refits]
# What may grow between two starts of one comparison.
GROWS = ("seeds", "models")


@dataclass
class Settings:
    """What all methods of a comparison share."""

    models: list[str] = field(
        default_factory=list, metadata={"help": "Models, each of every task that names none: Hub ids or folders."}
    )
    seeds: list[int] = field(
        default_factory=lambda: [0, 1, 2],
        metadata={"help": "Seeds of each method's trainings; three or more tell what a method does."},
    )
    reference: str = field(default="full", metadata={"help": "Row that all others are compared with."})
    base: str | None = field(
        default=None,
        metadata={"help": "Row whose trained models repairs start from, seed by seed. Default: the reference."},
    )
    start: str = field(
        default="pretrained",
        metadata={
            "help": "What `models` are: pretrained, each method but a repair trains a new head; trained, all methods "
            "start from them with their own head.",
            "choices": ["pretrained", "trained"],
        },
    )
    trials: int = field(default=8, metadata={"help": "Trials of every method's search; 0 for none: all as given."})
    objective: str = field(default="min_group_auc", metadata={"help": "Metric of validation that all searches share."})
    selection: str = field(
        default="best",
        metadata={"help": "Rule that chooses the winner of every search.", "choices": SELECTIONS},
    )
    mode: str = field(default="default", metadata={"help": "Of the searches.", "choices": [*MODES]})
    min_auc: float | None = field(
        default=None, metadata={"help": "Floor of a trial's AUC; by default 0.6 for gaps, else none."}
    )
    learning_rate_low: float = field(default=1e-5, metadata={"help": "Lowest learning rate searched."})
    learning_rate_high: float = field(default=1e-3, metadata={"help": "Highest learning rate searched."})
    folds: int = field(
        default=0, metadata={"help": "Test folds, so that every row is tested once; 0 for one test split."}
    )
    controls: bool = field(
        default=False,
        metadata={"help": "Add two controls of a mask search: random trials, and a random mask of each seed."},
    )

    def __post_init__(self) -> None:
        if len({*self.seeds}) < len(self.seeds) or not self.seeds:
            raise FairTuneError(f"`--seeds {' '.join(map(str, self.seeds))}`: name each once, and one at least.")
        if self.trials < 0:
            raise FairTuneError(f"`--trials` is {self.trials}; give the trials of every search, or 0 for none.")
        if self.folds in (1, 2) or self.folds < 0:
            raise FairTuneError(f"`--folds` is {self.folds}; give 3 or more, or 0 for one test split.")
        check_selection(self.selection)
        if self.min_auc is not None:
            Floors(self.min_auc)
        if greater_is_better(self.objective) is None:
            direction(self.objective)
        self.rates()

    def rates(self) -> LearningRate:
        """Return the range of learning rates."""
        return LearningRate(self.learning_rate_low, self.learning_rate_high)


@dataclass(frozen=True)
class Protocol:
    """What is compared, and how.

    Args:
        settings: what all methods share.
        tasks: data sets × attributes × models.
        entries: the methods.
        training: arguments of trainings, whatever their folder, seed and learning rate.
        repair: arguments of repairs.
        published: numbers that were published for these tasks.
        differences: known differences to these.
    """

    settings: Settings
    tasks: Sequence[Task]
    entries: Sequence[Entry]
    training: FairTrainingArguments
    repair: RepairTrainingArguments
    published: Sequence[PublishedNumber] = ()
    differences: Sequence[str] = ()

    def __post_init__(self) -> None:
        names = [entry.name for entry in self.entries]
        for what, name in (("reference", self.settings.reference), ("base", self.base)):
            if name not in names:
                raise FairTuneError(
                    f"`{what}` is `{name}`, which is not among the methods {', '.join(names)}; add it."
                )
        if self.settings.start == "pretrained" and self.entry(self.base).repairs:
            raise FairTuneError(
                f"repairs start from the models of `{self.base}`, which is a repair itself; name another `base`."
            )

    @property
    def base(self) -> str:
        """Return the name of the row whose models repairs start from."""
        return self.settings.base or self.settings.reference

    def entry(self, name: str) -> Entry:
        """Return a row by its name."""
        return next(entry for entry in self.entries if entry.name == name)

    @property
    def fingerprint(self) -> dict[str, object]:
        """Return what every unit of the comparison depends on; methods, tasks and seeds may be added later.

        The first seed is that of splits, folds and searches. Controls are rows, which may be added.
        """
        shared = {name: value for name, value in asdict(self.settings).items() if name not in GROWS}
        shared |= {"controls": False, "first seed": self.settings.seeds[0] or None}
        return {**shared, "training": self.training.deciding(), "repair": self.repair.deciding(), "base": self.base}
