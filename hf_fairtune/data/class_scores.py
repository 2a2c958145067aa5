"""Scores by class: columns of a table or outputs of a model, and which of them is whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..errors import FairTuneError, listed
from .columns import SPLIT_COLUMN, named_column, numbers

UNNAMED = ["LABEL_0", "LABEL_1"]


@dataclass(frozen=True)
class ClassScores:
    """Scores of every row, by class.

    Args:
        values: float64 [n, k], higher means more likely.
        names: of the columns, [k]: a column's own name, or a class.
        flag: where they come from, for error lines.
        model: whether they are a model's outputs, of which some may be left over.
        multilabel: whether a row can have several classes; None where nothing says so.
    """

    values: np.ndarray
    names: list[str]
    flag: str = "--score"
    model: bool = False
    multilabel: bool | None = None

    def take(self, rows: np.ndarray) -> ClassScores:
        """Return the scores of some rows, a mask [n]."""
        return replace(self, values=self.values[rows])

    def of(self, columns: Sequence[int]) -> np.ndarray:
        """Add up some columns: the probability of any of these classes, [n]; sums that rounding lifts over 1 are 1."""
        total: np.ndarray = self.values[:, columns].sum(axis=1)
        return np.where((total > 1) & (total < 1 + 1e-6), 1.0, total) if len(columns) > 1 else total


def score_columns(frame: pd.DataFrame, texts: Sequence[str], flag: str) -> ClassScores:
    """Read the columns that --score or --reference names; `COLUMN=CLASS` says whose it is."""
    values, names = {}, []
    for text in texts:
        column, name = parse_score(frame, text)
        if column in values:
            raise FairTuneError(f"--{flag} names the column {column} twice; name each once.")
        values[column] = numbers(named_column(frame, column, flag), flag)
        names.append(name)
    return ClassScores(np.column_stack(list(values.values())), names, f"--{flag}")


def parse_score(frame: pd.DataFrame, text: str) -> tuple[str, str]:
    """Read `COLUMN` or `COLUMN=CLASS`: the column, and what its scores are of."""
    column, equals, name = text.rpartition("=")
    return (column, name.strip()) if equals and text not in frame and column in frame else (text, text)


def match(classes: Sequence[str], names: list[str]) -> list[str] | None:
    """Return the class of every score column: its name, or what follows the start that all names share.

    A start ends where a word does: `p_non` is none of `p_nonmel` and `p_nonnev`. None is returned where `classes` are
    not all among them, or in more than one way.
    """
    if len(set(names)) < len(names):
        return None
    if set(classes) <= set(names):
        return names
    found = []
    for start in {name.removesuffix(classes[0]) for name in names if name.endswith(classes[0])}:
        rest = [name.removeprefix(start) for name in names]
        shared = all(name.startswith(start) and own for name, own in zip(names, rest, strict=True))
        word = not start[-1:].isalnum() or (start[-1].isalpha() and all(own[:1].isdigit() for own in rest))
        if shared and word and set(classes) <= set(rest):
            found.append(rest)
    return found[0] if len(found) == 1 else None


def class_columns(classes: Sequence[str], known: Sequence[str], scores: ClassScores) -> list[int]:
    """Return the column of each of some classes; `known`, all values of the labels, make the match surer.

    Names that do not say it are refused: a guess could turn the audit round.
    """
    found = match(known, scores.names) or match(classes, scores.names)
    if found is None and scores.model and scores.names == UNNAMED and len(classes) == 1:
        return [1]
    if found is None:
        what = "the model's classes are" if scores.model else f"{scores.flag} names"
        advice = "rename the model's `id2label`" if scores.model else f"write {scores.flag} COLUMN=CLASS for each"
        raise FairTuneError(
            f"{what} {listed(scores.names)}, which do not identify {listed(classes)}; {advice}, or name the class "
            "that means disease with --positive."
        )
    return [found.index(name) for name in classes]


def with_scores(
    frame: pd.DataFrame, scores: ClassScores, images: Sequence[str], splits: np.ndarray | None
) -> pd.DataFrame:
    """Return the columns of some rows with their images' names, `split` (where it is known) and scores.

    Scores are `score`, or `score_<class>` one a class; a name that the table has already gets an underscore more.
    """
    names = ["score"] if len(scores.names) == 1 else [f"score_{name}" for name in scores.names]
    while set(names) & set(frame.columns):
        names = [name.replace("score", "score_", 1) for name in names]
    image = "image"
    while image in frame.columns:
        image = f"{image}_"
    split = {} if splits is None else {SPLIT_COLUMN: splits}
    return frame.assign(**{image: list(images)}, **split, **dict(zip(names, scores.values.T, strict=True)))
