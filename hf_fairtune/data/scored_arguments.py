"""The flags that say what the columns of a table of predictions mean, and where images are found instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import FairTuneError
from .arguments import DataArguments

REPEATED = {"action": "extend", "nargs": "+"}


def _as_in_training(name: str) -> Any:
    """Make a field with default and help of the flag of the same name in `DataArguments`."""
    told = DataArguments.__dataclass_fields__[name]
    if callable(told.default_factory):
        return field(default_factory=told.default_factory, metadata=dict(told.metadata))
    return field(default=told.default, metadata=dict(told.metadata))


@dataclass
class ScoredSpec:
    """What the columns of a table of scored rows mean; every field is a flag, and `fairtune audit --help` tells them.

    Args:
        label: the column of the diagnosis; several are several findings a row can have, each of 0 and 1.
        score: the column of the positive's score, one a class (`p_mel`, or `COLUMN=CLASS`), or one a label.
        positive: the values of the label column that mean disease.
        group: attributes: a column, or `column:cuts` such as `age:60`.
        intersections: whether the intersection of all attributes is audited too.
        cluster: the column of the patient, whose rows are no independent cases.
        reference: score columns of another model on the same rows.

    Raises:
        FairTuneError: a text is given for a list.
    """

    label: list[str] = field(
        metadata=REPEATED
        | {"help": "Column of the diagnosis. Several are several findings a row can have, each a column of 0 and 1."}
    )
    score: list[str] = field(
        default_factory=list,
        metadata=REPEATED
        | {
            "help": "In a table: column of the positive's probability or score (`score` if not given); or one a "
            "class, found by its name (`p_mel p_nev`) or written COLUMN=CLASS; or one for each --label, in order."
        },
    )
    positive: list[str] = _as_in_training("positive")
    group: list[str] = field(
        default_factory=list,
        metadata=REPEATED
        | {
            "help": "Attribute: a column, or column:cuts (`age:60` is <=60 against >60; `age:40,60` three bins). "
            "Each is audited; where there are several, so is their intersection."
        },
    )
    intersections: bool = field(
        default=True, metadata={"help": "Audit the intersection of all attributes beside each of them."}
    )
    cluster: str | None = field(
        default=None, metadata={"help": "Column of the patient or lesion: its rows are no independent cases."}
    )
    reference: list[str] = field(
        default_factory=list,
        metadata=REPEATED | {"help": "Score columns of another model on the same rows, to compare with; as --score."},
    )

    def __post_init__(self) -> None:
        """Refuse a text where a list is wanted: its letters are no columns."""
        for name in ("label", "score", "positive", "group", "reference"):
            if isinstance(getattr(self, name), str):
                raise FairTuneError(f"`{name}` is {getattr(self, name)!r}; give a list: [{getattr(self, name)!r}].")

    @property
    def score_columns(self) -> list[str]:
        """Return what --score names, or what it does where it is not given."""
        return self.score or ["score"]


@dataclass
class PredictionArguments(ScoredSpec):
    """What to audit: a table of predictions, or a table of images for a model to score."""

    dataset: str = field(
        kw_only=True,
        metadata={
            "help": "The predictions themselves (then not needed), or images for a model: a Hub id, a folder with a "
            "metadata.csv, or a .csv, .tsv or .parquet file with an image column."
        },
    )
    image: str | None = _as_in_training("image")
    image_size: int | None = _as_in_training("image_size")
    image_root: str | None = _as_in_training("image_root")
    data_cache: str | None = _as_in_training("data_cache")

    def images(self) -> DataArguments:
        """Return what tells `load_source` where the images are."""
        return DataArguments(
            dataset=self.dataset,
            label=self.label[0],
            group=self.group,
            cluster=self.cluster,
            image=self.image,
            image_size=self.image_size,
            image_root=self.image_root,
            data_cache=self.data_cache,
        )
