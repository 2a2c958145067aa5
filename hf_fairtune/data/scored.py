"""Scored rows with all that an audit needs beside the scores, and the flags that say what a table's columns mean."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from ..document.data import Reading, Task
from ..errors import FairTuneError, listed
from .attributes import Attribute, at_quantiles, parse_group, read_attributes
from .class_scores import ClassScores, parse_score, score_columns
from .columns import clusters_of, given_splits, image_names
from .targets import read_targets
from .uncertain import Uncertain, certain_rows

REPEATED = {"action": "extend", "nargs": "+"}


@dataclass(frozen=True)
class ScoredTable:
    """Scored rows.

    Args:
        labels: 0 or 1, int64 [n, k].
        scores: finite, float64 [n, k]; higher means more likely 1.
        targets: name of every column of both, [k].
        task: "binary", "multiclass" (each class against the rest) or "multilabel" (each label).
        label_name: the label column, several joined by ", ".
        attributes: the partitions of the rows.
        clusters: id of the cluster of every row as text [n]; None where rows are independent.
        reference_scores: of another model on the same rows, float64 [n, k]; None where there is none.
        splits: train, validation or test of every row [n], where a column `split` says so; else None.
        chosen: target of the highest score of every row, int64 [n], -1 for a class that is no target; None where they
            do not exclude each other. `reference_chosen` is the reference's.
        readings: what was made of the values of label, attributes and file, before rows were taken.
        explain: partitions of the rows that may go with errors; none of them is audited.
        images: name of the image of every row as text [n], where a column has it; else None.
    """

    labels: np.ndarray
    scores: np.ndarray
    targets: list[str]
    task: Task
    label_name: str
    attributes: list[Attribute]
    clusters: np.ndarray | None = None
    reference_scores: np.ndarray | None = None
    splits: np.ndarray | None = None
    chosen: np.ndarray | None = None
    reference_chosen: np.ndarray | None = None
    readings: list[Reading] = field(default_factory=list)
    explain: list[Attribute] = field(default_factory=list)
    images: np.ndarray | None = None

    @property
    def probability(self) -> bool:
        """Say whether all scores, the reference's too, lie in 0..1."""
        scores = self.scores if self.reference_scores is None else np.hstack([self.scores, self.reference_scores])
        return bool(scores.min() >= 0 and scores.max() <= 1)

    @property
    def row_hash(self) -> str:
        """Hash labels, scores, groups and clusters of all rows whatever their order; 16 hexadecimal digits."""
        columns, parts = [self.labels, self.scores], []
        for attribute in self.attributes:
            columns.append(attribute.values)
            parts.append([attribute.name, attribute.names])
        names: list[object] = [self.targets, parts]
        if self.reference_scores is not None:
            columns.append(self.reference_scores)
        if self.clusters is not None:
            ids, codes = np.unique(self.clusters, return_inverse=True)
            columns, names = [*columns, codes], [*names, ids.tolist()]
        content = np.column_stack(columns).astype(np.float64) + 0.0
        ordered = np.ascontiguousarray(content[np.lexsort(content.T)])
        return hashlib.sha256(json.dumps(names).encode() + ordered.tobytes()).hexdigest()[:16]

    def take(self, rows: np.ndarray) -> ScoredTable:
        """Return some of the rows (indices, or a mask [n]); targets stay, and of the groups those that occur."""
        columns = {one.name: getattr(self, one.name) for one in fields(self)}
        kept: dict[str, Any] = {name: of[rows] for name, of in columns.items() if isinstance(of, np.ndarray)}
        attributes, explain = ([part.take(rows) for part in parts] for parts in (self.attributes, self.explain))
        return replace(self, attributes=attributes, explain=explain, **kept)


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
            "xlsx, json, parquet, ...) with an image column."
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
        metadata={"help": "Folder of the decoded pixels. Default: $FAIRTUNE_CACHE or ~/.cache/hf_fairtune."},
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
    _check_meanings(frame, spec, named)
    if frame.empty:
        raise FairTuneError("The table has no rows; give one row an image or patient.")
    if not spec.score and not set(named) <= set(frame.columns):
        raise FairTuneError(f"No --score is given; name the column of the scores: {listed(frame.columns, 30)}.")
    kept, dropped = certain_rows(frame, spec.label, spec.positive, spec.uncertain)
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
        reference_scores=None if reference is None else targets.scores_of(reference),
        splits=given_splits(frame),
        chosen=targets.chosen_by(found),
        reference_chosen=None if reference is None else targets.chosen_by(reference),
        readings=list(dict.fromkeys([*readings, *dropped, *targets.readings, *grouped, *cut])),
        explain=explain,
        images=image_names(frame, getattr(spec, "image", None)),
    )


def _check_meanings(frame: pd.DataFrame, spec: ScoredSpec, scores: list[str]) -> None:
    """Check that label and scores are columns of their own: one that is also a group would give the label away."""
    if not spec.label:
        raise FairTuneError("No --label is given; name the column of the diagnosis.")
    first: dict[str, str] = {}
    flags = {"label": spec.label, "score": scores, "reference": spec.reference, "group": spec.group}
    flags["explain"], open_ = spec.explain, {"group", "explain"}
    for flag, texts in flags.items():
        for name in texts:
            if flag in open_:
                name, _ = parse_group(name, list(frame.columns), flag)
            elif flag != "label":
                name, _ = parse_score(frame, name)
            # One number may be cut in several ways, and a group may go with errors.
            if name in first and not {first[name], flag} <= open_:
                raise FairTuneError(f"`{name}` is --{first[name]} and --{flag}; a column can be one of them, once.")
            first[name] = flag
    if spec.cluster is not None and first.get(spec.cluster, "group") not in open_:
        raise FairTuneError(f"`{spec.cluster}` is --{first[spec.cluster]} and --cluster; name the patient's column.")
