"""A table of predictions: label, score, groups and cluster of every row, without images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import FairTuneError
from .arguments import DataArguments
from .groups import Groups, assign_groups
from .labels import BinaryLabels, binary_labels
from .levels import as_levels, listed
from .score_columns import ClassScores
from .scored import ScoredTable, read_scored
from .scored_arguments import PredictionArguments
from .source import SPLIT_COLUMN, TABLES
from .table_file import SUFFIXES, read_table


@dataclass(frozen=True)
class Predictions:
    """Scores of a classifier with what an audit needs beside them; every field is by row."""

    labels: BinaryLabels
    scores: np.ndarray
    groups: Groups
    clusters: np.ndarray | None


def is_table(name: str) -> bool:
    """Say whether a name is that of a table file rather than of a model."""
    return Path(name).suffix.lower() in SUFFIXES


def load_predictions(arguments: DataArguments, score: str) -> Predictions:
    """Read the table `arguments.dataset` with the probability or score of the positive class in column `score`.

    Raises:
        FairTuneError: no such file or column, or a score that is no number.
    """
    frame = _read(Path(arguments.dataset).expanduser())
    labels = binary_labels(_column(frame, arguments.label, "label"), arguments.positive)
    scores = pd.to_numeric(_column(frame, score, "score"), errors="coerce").to_numpy(dtype=np.float64)
    bad = int((~np.isfinite(scores)).sum())
    if bad:
        raise FairTuneError(f"`{score}` is no finite number in {bad} of {len(frame)} rows; mend or drop these rows.")
    clusters = None
    if arguments.cluster is not None:
        levels = as_levels(_column(frame, arguments.cluster, "cluster"))
        if levels.isna().any():
            raise FairTuneError(f"`{arguments.cluster}` is empty in {int(levels.isna().sum())} rows; fill it in.")
        clusters = levels.to_numpy(dtype=str)
    return Predictions(labels, scores, assign_groups(frame, arguments.group), clusters)


def read_predictions(arguments: PredictionArguments) -> ScoredTable:
    """Read the table `arguments.dataset`, whose score columns `arguments.score` names.

    Raises:
        FairTuneError: no such file, or its columns do not hold what is wanted; the line says what.
    """
    return read_scored(read_table(Path(arguments.dataset).expanduser()), arguments)


def with_scores(frame: pd.DataFrame, scores: ClassScores, splits: np.ndarray) -> pd.DataFrame:
    """Return the columns of some rows with `split` and their scores: `score`, or `score_<class>` one a class.

    Where the table has columns of these names, `score` is written with a line below more.
    """
    start = "score"
    while any(str(name).startswith(start) for name in frame.columns):
        start += "_"
    names = [start] if scores.columns == 1 else [f"{start}_{name}" for name in scores.names]
    columns = dict(zip(names, scores.values.T, strict=True))
    return frame.assign(**{SPLIT_COLUMN: splits.astype(str)}, **columns)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise FairTuneError(f"`{path}` does not exist; give a {', '.join(SUFFIXES)} file of predictions.")
    suffix = path.suffix.lower()
    try:
        return pd.read_parquet(path) if suffix == ".parquet" else pd.read_csv(path, sep=TABLES[suffix])
    except (ValueError, OSError) as error:
        raise FairTuneError(f"`{path}` could not be read ({str(error).splitlines()[0]}); check the file.") from error


def _column(frame: pd.DataFrame, name: str, flag: str) -> pd.Series:
    if name not in frame:
        raise FairTuneError(f"--{flag} {name} names no column; the columns are {listed(frame.columns, 30)}.")
    return frame[name]
