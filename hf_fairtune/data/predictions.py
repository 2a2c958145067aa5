"""A table of predictions: label, score, groups and cluster of every row, without images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .score_columns import ClassScores
from .scored import ScoredTable, read_scored
from .scored_arguments import PredictionArguments
from .source import SPLIT_COLUMN
from .table_file import SUFFIXES, read_table


def is_table(name: str) -> bool:
    """Say whether a name is that of a table file rather than of a model."""
    return Path(name).suffix.lower() in SUFFIXES


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
    names = ["score"] if scores.columns == 1 else [f"score_{name}" for name in scores.names]
    while set(names) & set(frame.columns):
        names = [name.replace("score", "score_", 1) for name in names]
    columns = dict(zip(names, scores.values.T, strict=True))
    return frame.assign(**{SPLIT_COLUMN: splits.astype(str)}, **columns)
