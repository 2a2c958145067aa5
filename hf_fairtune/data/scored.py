"""Scored rows with all that an audit needs beside the scores, whichever way they came in."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..errors import FairTuneError
from .attributes import Attribute, read_attributes
from .groups import GroupSpec
from .levels import as_levels, listed
from .named_column import clusters_of, named_column
from .question import ask
from .score_columns import ClassScores, column_names, score_columns
from .scored_arguments import ScoredSpec
from .source import SPLIT_COLUMN, SPLIT_NAMES


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
    """

    labels: np.ndarray
    scores: np.ndarray
    targets: list[str]
    task: str
    label_name: str
    attributes: list[Attribute]
    clusters: np.ndarray | None = None
    reference_scores: np.ndarray | None = None
    splits: np.ndarray | None = None

    @property
    def probability(self) -> bool:
        """Say whether all scores, the reference's too, lie in 0..1."""
        given = [self.scores] + ([] if self.reference_scores is None else [self.reference_scores])
        return all(scores.min() >= 0 and scores.max() <= 1 for scores in given)

    @property
    def row_hash(self) -> str:
        """Hash labels, scores, groups and clusters of all rows whatever their order; 16 hexadecimal digits."""
        columns = [*self.labels.T, *self.scores.T, *(attribute.values for attribute in self.attributes)]
        columns += [] if self.reference_scores is None else [*self.reference_scores.T]
        names: list[object] = [self.targets, [[part.name, part.names] for part in self.attributes]]
        if self.clusters is not None:
            ids, codes = np.unique(self.clusters, return_inverse=True)
            columns, names = [*columns, codes], [*names, ids.tolist()]
        content = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns]) + 0.0
        ordered = np.ascontiguousarray(content[np.lexsort(content.T)])
        return hashlib.sha256(json.dumps(names).encode() + ordered.tobytes()).hexdigest()[:16]

    def take(self, rows: np.ndarray) -> ScoredTable:
        """Return some of the rows (indices, or a mask [n]); targets stay, and of the groups those that occur."""
        kept: dict[str, Any] = {
            name: None if (values := getattr(self, name)) is None else values[rows]
            for name in ("labels", "scores", "clusters", "reference_scores", "splits")
        }
        return replace(self, attributes=[part.take(rows) for part in self.attributes], **kept)


def read_scored(frame: pd.DataFrame, spec: ScoredSpec, scores: ClassScores | None = None) -> ScoredTable:
    """Read labels, scores, attributes and clusters from the columns of a table.

    Args:
        frame: a row an image or patient.
        spec: what its columns mean.
        scores: a model's, in the order of the rows; None where they are columns of the table.

    Raises:
        FairTuneError: a column is not there, does not hold what is wanted, or has two meanings.
    """
    frame = frame.reset_index(drop=True).set_axis([str(name) for name in frame.columns], axis="columns")
    _check_meanings(frame, spec, scored=scores is None)
    if frame.empty:
        raise FairTuneError("The table has no rows; give one row an image or patient.")
    if scores is None and not spec.score and spec.score_columns[0] not in frame:
        raise FairTuneError(f"No --score is given; name the column of the scores: {listed(frame.columns, 30)}.")
    given = score_columns(frame, spec.score_columns, "score") if scores is None else scores
    question = ask(frame, spec, given)
    reference = score_columns(frame, spec.reference, "reference") if spec.reference else None
    return ScoredTable(
        labels=question.labels,
        scores=question.answers(given),
        targets=question.targets,
        task=question.task,
        label_name=", ".join(spec.label),
        attributes=read_attributes(frame, spec.group, spec.intersections),
        clusters=clusters_of(frame, spec.cluster),
        reference_scores=None if reference is None else question.answers(reference),
        splits=_splits(frame),
    )


def _check_meanings(frame: pd.DataFrame, spec: ScoredSpec, *, scored: bool) -> None:
    """Check that label and scores are columns of their own: one that is also a group would give the answer away."""
    if not spec.label:
        raise FairTuneError("No --label is given; name the column of the diagnosis.")
    columns = [str(name) for name in frame.columns]
    groups = [GroupSpec.parse(text, columns).column for text in spec.group]
    used: dict[str, str] = {}
    for flag, names in (
        ("label", spec.label),
        ("score", column_names(frame, spec.score_columns) if scored else []),
        ("reference", column_names(frame, spec.reference)),
        ("group", dict.fromkeys(groups)),
    ):
        for name in names:
            if name in used:
                raise FairTuneError(f"`{name}` is --{used[name]} and --{flag}; a column can be one of them, once.")
            used[name] = flag
    if spec.cluster is not None and used.get(spec.cluster, "group") != "group":
        raise FairTuneError(f"`{spec.cluster}` is --{used[spec.cluster]} and --cluster; name the patient's column.")


def _splits(frame: pd.DataFrame) -> np.ndarray | None:
    """Return the splits of a column `split`; one with other values means something else and is left alone."""
    if list(frame.columns).count(SPLIT_COLUMN) != 1:
        return None
    names = as_levels(named_column(frame, SPLIT_COLUMN, "split")).str.lower().map(SPLIT_NAMES)
    return None if names.isna().any() else names.to_numpy(dtype=str)
