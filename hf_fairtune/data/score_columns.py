"""Scores of several classes, and which of them belongs to which class of the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import FairTuneError
from .levels import listed
from .named_column import named_column, numbers

UNNAMED = ["LABEL_0", "LABEL_1"]


@dataclass(frozen=True)
class ClassScores:
    """Scores of every row, by class.

    Args:
        values: float64 [n, k], higher means more likely.
        names: what each column is called, [k]: a column's name, or a class.
        flag: where they come from, for error lines.
        model: whether a model's outputs, of which not every one is asked about.
        multilabel: whether a row can have several classes; None where nothing says so.
    """

    values: np.ndarray
    names: list[str]
    flag: str = "--score"
    model: bool = False
    multilabel: bool | None = None

    @property
    def columns(self) -> int:
        """Count the columns."""
        return self.values.shape[1]

    def of(self, indices: Sequence[int]) -> np.ndarray:
        """Add up some columns: the probability of any of these classes, [n].

        Sums that rounding lifts over one stay one.
        """
        total: np.ndarray = self.values[:, list(indices)].sum(axis=1)
        return np.where((total > 1) & (total < 1 + 1e-6), 1.0, total) if len(indices) > 1 else total


def score_columns(frame: pd.DataFrame, texts: Sequence[str], flag: str) -> ClassScores:
    """Read the columns that --score or --reference names; `COLUMN=CLASS` says whose it is.

    Raises:
        FairTuneError: a text names no column, or a column holds something else than finite numbers.
    """
    split = [_parse(frame, text) for text in texts]
    columns = [column for column, _ in split]
    if len(set(columns)) < len(columns):
        raise FairTuneError(f"--{flag} names a column twice ({listed(columns)}); name each once.")
    values = [numbers(named_column(frame, column, flag), flag) for column in columns]
    return ClassScores(np.column_stack(values), [name for _, name in split], f"--{flag}")


def column_names(frame: pd.DataFrame, texts: Sequence[str]) -> list[str]:
    """Return the columns that `score_columns` would read."""
    return [_parse(frame, text)[0] for text in texts]


def _parse(frame: pd.DataFrame, text: str) -> tuple[str, str]:
    column, equals, name = text.rpartition("=")
    if text in frame or not equals or column not in frame:
        return text, text
    return column, name.strip()


def match(classes: Sequence[str], scores: ClassScores) -> list[str] | None:
    """Return the class of every column: its name, or what follows the start that all names share.

    Args:
        classes: those that must be found.

    Returns:
        the classes [k]; None where they are not all found, or in more than one way.
    """
    names = scores.names
    if len(set(names)) < len(names):
        return None
    if set(classes) <= set(names):
        return names
    starts = {name.removesuffix(classes[0]) for name in names if name.endswith(classes[0])}
    fitting = [start for start in starts if _fits(start, classes, names)]
    return [name.removeprefix(fitting[0]) for name in names] if len(fitting) == 1 else None


def _fits(start: str, classes: Sequence[str], names: list[str]) -> bool:
    """Say whether every name is the start and a class; a start ends where a word does: `non` is none of `nonmel`."""
    rest = [name.removeprefix(start) for name in names]
    if not all(name.startswith(start) and name != start for name in names) or not set(classes) <= set(rest):
        return False
    return not start[-1:].isalnum() or (start[-1].isalpha() and all(name[0].isdigit() for name in rest))


def class_columns(classes: Sequence[str], known: Sequence[str], scores: ClassScores) -> list[int]:
    """Return the column of each of some classes.

    Args:
        classes: those wanted.
        known: all values of the labels, which make the match surer.

    Raises:
        FairTuneError: they cannot be told from the columns' names: guessing could turn the audit round.
    """
    found = match(known, scores) or match(classes, scores)
    if found is None and scores.model and scores.names == UNNAMED and len(classes) == 1:
        return [1]
    if found is None:
        what = "the model's classes are" if scores.model else f"{scores.flag} names"
        advice = "rename the model's `id2label`" if scores.model else f"write {scores.flag} COLUMN=CLASS for each"
        raise FairTuneError(
            f"{what} {listed(scores.names)}, which do not tell the columns of {listed(classes)}; {advice}, or name "
            "the class that means disease with --positive."
        )
    return [found.index(name) for name in classes]
