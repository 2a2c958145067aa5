"""A task of a benchmark, and every method on it: numbers over trainings, at thresholds, and against the reference."""

from dataclasses import dataclass, field
from typing import Literal

from .estimate import Real, Size, Status
from .replication import Repeated, Replication
from .run import MethodFacts
from .scalar import GroupName
from .search import Budget, Search

# What methods are ranked by: AUC of all rows, lowest AUC of a group, and best minus lowest.
Ranked = Literal["auc", "min_group_auc", "auc_gap"]
RANKED: tuple[Ranked, ...] = ("auc", "min_group_auc", "auc_gap")
# How a method stands on a task: it is the reference, it was compared with it, or why it was not.
Standing = Literal["reference", "compared", "few trainings", "incomplete", "no scores", "no reference"]


@dataclass(frozen=True)
class OverSeeds:
    """A number by training, NaN where one is missing, its mean and its standard deviation over the others."""

    runs: list[Real]
    mean: Real
    sd: Real


@dataclass(frozen=True)
class CutNumbers:
    """Numbers at a threshold by metric: of all rows, and between groups.

    `degenerate` counts the trainings in which of some group, by its interval, less than 1 % or more than 99 % are
    predicted positive.
    """

    name: str
    measures: dict[str, OverSeeds]
    gaps: dict[str, OverSeeds]
    degenerate: int


@dataclass(frozen=True)
class GroupMean:
    """The AUC of a group by a method, over its trainings."""

    group: GroupName
    auc: Repeated


@dataclass(frozen=True)
class MethodOnTask:
    """A method of the protocol on a task: how it was tuned, what it scored, and how it stands to the reference.

    `missing` counts trainings without scores, and `lacking` says why there are none; the numbers are then of the
    others, without intervals. `against` is None where the standing says why.
    """

    method: str
    facts: MethodFacts
    seeds: list[int]
    missing: int
    lacking: str
    standing: Standing
    learning_rate: Real
    trainable_parameters: int
    seconds: Real
    budget: Budget | None
    searches: list[Search]
    auc: Repeated
    min_group_auc: Repeated
    auc_gap: Repeated
    groups: list[GroupMean]
    measures: dict[str, OverSeeds]
    cuts: list[CutNumbers]
    against: Replication | None

    def number(self, key: Ranked) -> Repeated:
        """Return what methods are ranked by."""
        return {"auc": self.auc, "min_group_auc": self.min_group_auc, "auc_gap": self.auc_gap}[key]

    @property
    def complete(self) -> bool:
        """Tell whether it has all its trainings."""
        return not self.missing and bool(self.seeds)


@dataclass(frozen=True)
class TaskGroup:
    """A group of a task: its cases and what they allow."""

    group: GroupName
    n: Size
    positives: Size
    negatives: Size
    status: Status


@dataclass(frozen=True)
class Front:
    """The methods that no other beats in AUC and in a second number, and the area that they dominate from `origin`."""

    against: Literal["min_group_auc", "auc_gap"]
    methods: list[str]
    hypervolume: Real
    origin: tuple[float, float]


@dataclass(frozen=True)
class BenchmarkTask:
    """The test rows of one task, and every method on them; `folds` is 1 for one test split."""

    name: str
    dataset: str
    attribute: str
    model: str
    split: str
    positive: str
    folds: int
    n: Size
    positives: Size
    negatives: Size
    clusters: Size
    excluded: list[GroupName]
    groups: list[TaskGroup]
    methods: list[MethodOnTask]
    fronts: list[Front] = field(default_factory=list)

    def find(self, method: str) -> MethodOnTask | None:
        """Return a method on this task; None where it was not run."""
        return next((one for one in self.methods if one.method == method), None)
