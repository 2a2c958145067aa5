"""A table of predictions: label, score, groups and cluster of every row, without images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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


def with_scores(
    frame: pd.DataFrame, scores: ClassScores, images: Sequence[str], splits: np.ndarray | None
) -> pd.DataFrame:
    """Return the columns of some rows with their images' names, `split` and scores.

    Scores are `score`, or `score_<class>` one a class. Where the table has columns of these names, or `image`, a line
    below more is written. Splits of None are not told.
    """
    names = ["score"] if scores.columns == 1 else [f"score_{name}" for name in scores.names]
    while set(names) & set(frame.columns):
        names = [name.replace("score", "score_", 1) for name in names]
    image = "image"
    while image in frame.columns:
        image = f"{image}_"
    columns: dict[str, Any] = dict(zip(names, scores.values.T, strict=True))
    split = {} if splits is None else {SPLIT_COLUMN: splits.astype(str)}
    return frame.assign(**{image: list(images)}, **split, **columns)
