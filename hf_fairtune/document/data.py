"""What data a document tells of: targets, attributes, splits and their counts."""

from dataclasses import dataclass, field
from typing import Literal

from .estimate import Size
from .scalar import GroupName

Task = Literal["binary", "multiclass", "multilabel"]
AttributeKind = Literal["levels", "cuts", "intersection"]
Role = Literal[
    "positive",
    "negative",
    "missing",
    "unknown",
    "dropped",
    "weightless",
    "group",
    "findings",
    "trimmed_name",
    "trimmed_path",
    "encoding",
    "separator",
    "first_sheet",
]


@dataclass(frozen=True)
class Target:
    """What is detected: the name of class 1, that of class 0 where there is one, and class 1 in clinical words."""

    name: str
    negative: str | None = None
    finding: str | None = None

    @property
    def words(self) -> str:
        """Return what class 1 means to a clinician."""
        return self.finding or self.name


@dataclass(frozen=True)
class Reading:
    """What a value of a column was read as, and in how many rows; of the file itself where `column` is empty."""

    column: str
    value: str
    role: Role
    n: Size = None
    group: GroupName | None = None


@dataclass(frozen=True)
class Level:
    """One group of an attribute in one split: its rows, and its positives by target."""

    group: GroupName
    n: Size
    missing: bool
    positives: dict[str, Size]


@dataclass(frozen=True)
class AttributeSheet:
    """One partition of a split into groups; `cuts` where a number was cut, `missing` the rows without a value."""

    name: str
    columns: list[str]
    kind: AttributeKind
    cuts: list[float]
    missing: Size
    levels: list[Level]


@dataclass(frozen=True)
class SplitSheet:
    """One split: its rows, their hash whatever their order, its clusters, and its positives by target."""

    n: Size
    hash: str
    clusters: Size
    positives: dict[str, Size]
    attributes: list[AttributeSheet]


@dataclass(frozen=True)
class Data:
    """A table: its label, targets and splits.

    `groups` are the attributes as they were asked for. `split_source` is None where nothing divides the rows, which
    are then one split, "all". `test_sets` are names of further test splits with those of their tables. `readings` tell
    what the values of label and attributes were read as, in the whole table. `weight` is the column that says how much
    of the population a row stands for; None where all are alike.
    """

    name: str
    label: str
    task: Task
    targets: list[Target]
    groups: list[str]
    cluster: str | None
    hash: str
    probability: bool
    splits: dict[str, SplitSheet]
    split_source: Literal["given", "made"] | None = None
    test_sets: dict[str, str] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    weight: str | None = None
