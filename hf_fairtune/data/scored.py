"""The flags that say what a table's columns mean, and the table of scored rows that they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from ..document.data import Reading
from ..errors import FairTuneError, listed
from .attributes import Attribute, at_quantiles, read_attributes
from .class_scores import ClassScores, score_columns
from .columns import clusters_of, given_splits, image_names
from .meanings import check_meanings
from .scored_table import ScoredTable
from .targets import read_targets
from .uncertain import Uncertain, certain_rows
from .weights import weighed_rows

REPEATED = {"action": "extend", "nargs": "+"}


def repeatable(help: str) -> Any:
    """Make a field that is a flag of several values, none by default."""
    return field(default_factory=list, metadata=REPEATED | {"help": help})


@dataclass
class ScoredSpec:
    """What the columns of a table of scored rows mean; every field is a flag of `fairtune audit` with its help.

    Raises:
        FairTuneError: a field is a text where a list is wanted.
    """

    label: list[str] = field(
        metadata=REPEATED
        | {"help": "Column of the diagnosis. Several are several findings a row can have, each a column of 0 and 1."}
    )
    score: list[str] = repeatable(
        "In a table: column of the positive's probability or score (`score` if not given); or one a class, found by "
        "its name (`p_mel p_nev`) or written COLUMN=CLASS; or one for each --label, in order."
    )
    positive: list[str] = repeatable(
        "Value(s) of the label that mean disease; needed unless the labels are 0 and 1. Repeatable."
    )
    group: list[str] = repeatable(
        "Attribute: a column, or column:cuts (`age:60` is <=60 against >60; `age:40,60` three bins). Each is audited; "
        "where there are several, so is their intersection."
    )
    intersections: bool = field(
        default=True, metadata={"help": "Audit the intersection of all attributes beside each of them."}
    )
    explain: list[str] = repeatable(
        "Columns that may go with errors, such as scanner or site: a column, column:cuts as of --group, or column:q4 "
        "(a number in four parts of equal size). Of each value: are more cases missed, or others flagged, than of all "
        "other rows?"
    )
    cluster: str | None = field(
        default=None, metadata={"help": "Column of the patient or lesion: its rows are no independent cases."}
    )
    weight: str | None = field(
        default=None, metadata={"help": "Column of survey or inverse-sampling weights; a row of weight 0 is left out."}
    )
    reference: list[str] = repeatable("Score columns of another model on the same rows, to compare with; as --score.")
    exclude: list[str] = repeatable(
        "Groups left out of minimum and gap, by name; a level (`missing`) goes from intersections too."
    )
    include: list[str] = repeatable(
        "Groups of rows without a known value (`missing`, `unknown`) that take part in minimum and gap, by name; else "
        "they are left out, and told beside."
    )
    uncertain: Uncertain | None = field(
        default=None,
        metadata={"help": "What a label of -1 beside 0 and 1 (uncertain, as in CheXpert) counts as."},
    )

    def __post_init__(self) -> None:
        """Refuse a text where a list is wanted: its letters are no columns."""
        for name in ("label", "score", "positive", "group", "explain", "reference"):
            if isinstance(getattr(self, name), str):
                raise FairTuneError(f"`{name}` is {getattr(self, name)!r}; give a list: [{getattr(self, name)!r}].")


@dataclass
class PredictionArguments(ScoredSpec):
    """What to audit: a table of predictions, or a table of images for a model to score."""

    dataset: str = field(
        default="",
        kw_only=True,
        metadata={
            "help": "Images for a model, which needs them: a Hub id, a folder with a metadata.csv, or a table (csv, "
            "xlsx, json, parquet, ...) with an image column.",
            "aliases": ["--dataset_name"],
        },
    )
    image: str | None = field(
        default=None,
        metadata={"help": "Image column. Default: found by its type, else image, file_name, path or filename."},
    )
    image_size: int | None = field(
        default=None, metadata={"help": "Side in pixels. Default: the image processor's own."}
    )
    image_root: str | None = field(
        default=None,
        metadata={"help": "Folder that relative image paths start from. Default: the table's own folder."},
    )
    data_cache: str | None = field(
        default=None,
        metadata={"help": "Folder of the decoded pixels. Default: $FAIRTUNE_CACHE or $HF_HOME/assets/hf_fairtune."},
    )


def read_scored(
    frame: pd.DataFrame, spec: ScoredSpec, scores: ClassScores | None = None, readings: Sequence[Reading] = ()
) -> ScoredTable:
    """Read labels, scores, attributes and clusters from the columns of a table.

    Args:
        frame: a row an image or patient.
        spec: what its columns mean.
        scores: a model's, in the order of the rows; None where they are columns of the table.
        readings: what the reader of the file changed.

    Raises:
        FairTuneError: a column is not there, does not hold what is wanted, or has two meanings.
    """
    frame = frame.reset_index(drop=True).set_axis(list(map(str, frame.columns)), axis="columns")
    named = [] if scores is not None else spec.score or ["score"]
    spec = replace(spec, explain=[at_quantiles(frame, text, "explain") for text in spec.explain])
    check_meanings(frame, spec, named)
    if frame.empty:
        raise FairTuneError("The table has no rows; give one row an image or patient.")
    if not spec.score and not set(named) <= set(frame.columns):
        raise FairTuneError(f"No --score is given; name the column of the scores: {listed(frame.columns, 30)}.")
    kept, dropped = certain_rows(frame, spec.label, spec.positive, spec.uncertain)
    weights, kept, left = weighed_rows(frame, spec.weight, kept)
    frame = frame[kept].reset_index(drop=True)
    found = score_columns(frame, named, "score") if scores is None else scores.take(kept)
    reference = score_columns(frame, spec.reference, "reference") if spec.reference else None
    targets = read_targets(frame, spec.label, spec.positive, found, spec.uncertain)
    attributes, grouped = read_attributes(frame, spec.group, intersections=spec.intersections)
    explain, cut = list[Attribute](), list[Reading]()
    if spec.explain:
        explain, cut = read_attributes(frame, spec.explain, intersections=False, flag="explain")
    return ScoredTable(
        labels=targets.labels,
        scores=targets.scores_of(found),
        targets=targets.names,
        task=targets.task,
        label_name=", ".join(spec.label),
        attributes=attributes,
        clusters=clusters_of(frame, spec.cluster),
        weights=weights,
        reference_scores=None if reference is None else targets.scores_of(reference),
        splits=given_splits(frame),
        chosen=targets.chosen_by(found),
        reference_chosen=None if reference is None else targets.chosen_by(reference),
        readings=list(dict.fromkeys([*readings, *dropped, *left, *targets.readings, *grouped, *cut])),
        explain=explain,
        images=image_names(frame, getattr(spec, "image", None)),
    )
