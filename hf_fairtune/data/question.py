"""What is asked of the scores: one finding against the rest, each of several classes, or several findings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import FairTuneError
from .labels import UNAMBIGUOUS, binary_labels
from .levels import as_levels, listed
from .named_column import named_column
from .score_columns import ClassScores, class_columns, match
from .scored_arguments import ScoredSpec


@dataclass(frozen=True)
class Question:
    """The labels as binary targets.

    Args:
        task: "binary", "multiclass" or "multilabel".
        targets: name of each, [k].
        labels: 0 or 1, int64 [n, k].
        classes: the values of the label column that are each target, [k].
        known: all values of the label column.
    """

    task: str
    targets: list[str]
    labels: np.ndarray
    classes: list[list[str]]
    known: list[str]

    def answers(self, scores: ClassScores) -> np.ndarray:
        """Return the score of every target, float64 [n, k].

        Raises:
            FairTuneError: the columns are too many or too few, or do not tell their classes.
        """
        if self.task == "multilabel":
            return self._findings(scores)
        if scores.columns == 1 and self.task == "binary":
            return self._only(scores)
        if not scores.multilabel:
            _check_shares(scores)
        wanted = [name for names in self.classes for name in names]
        places = iter(class_columns(wanted, self.known, scores))
        return np.column_stack([scores.of([next(places) for _ in names]) for names in self.classes])

    def _only(self, scores: ClassScores) -> np.ndarray:
        (name,), (positive,) = scores.names, self.classes
        if name in self.known and name not in positive:
            raise FairTuneError(
                f"{scores.flag} is that of {name!r}, but the positive label is {' or '.join(positive)}; give the "
                "positive's column, or turn --positive."
            )
        return scores.values

    def _findings(self, scores: ClassScores) -> np.ndarray:
        if scores.multilabel is False:
            raise FairTuneError(
                f"the model chooses one of its classes ({listed(scores.names)}), but several --label are given; name "
                "one label column with the classes."
            )
        if scores.model and set(self.targets) <= set(scores.names):
            return scores.values[:, [scores.names.index(name) for name in self.targets]]
        named = scores.model and not all(name.startswith("LABEL_") for name in scores.names)
        if named or scores.columns != len(self.targets):
            raise FairTuneError(
                f"{scores.columns} scores ({listed(scores.names)}) for {len(self.targets)} findings "
                f"({listed(self.targets)}); give one {scores.flag} for each --label in the same order, or label "
                "columns named as the model's classes."
            )
        return scores.values


def ask(frame: pd.DataFrame, spec: ScoredSpec, scores: ClassScores) -> Question:
    """Read the labels as the targets that the scores can answer.

    One label column is one question where `spec.positive` says so or there are no more than two scores, else one for
    every class that has scores; several label columns are one question each.

    Raises:
        FairTuneError: labels are missing, are of one class, or nothing says which mean disease.
    """
    if len(spec.label) > 1:
        return _several(frame, spec)
    column = named_column(frame, spec.label[0], "label")
    if not spec.positive and scores.columns == 2:
        _check_all_scored(column, scores)
    if spec.positive or scores.columns <= 2 or scores.multilabel:
        return _binary(column, spec, scores)
    return _classes(column, scores)


def _binary(column: pd.Series, spec: ScoredSpec, scores: ClassScores) -> Question:
    found = binary_labels(column, spec.positive)
    known = sorted(as_levels(column).unique())
    chosen = list(dict.fromkeys(str(value) for value in spec.positive)) or [found.positive]
    name = str(column.name) if set(known) in UNAMBIGUOUS and chosen == known[1:] else found.positive
    if scores.multilabel and scores.columns > 1 and str(column.name) in scores.names:
        chosen, known = [str(column.name)], [str(column.name)]
    return Question("binary", [name], found.values[:, None], [chosen], known)


def _classes(column: pd.Series, scores: ClassScores) -> Question:
    levels = as_levels(column)
    missing = int(levels.isna().sum())
    if missing:
        raise FairTuneError(
            f"`{column.name}` is empty in {missing} of {len(column)} rows; fill the labels in or drop these rows."
        )
    known = sorted(levels.unique())
    if len(known) < 2:
        raise FairTuneError(f"`{column.name}` has one value ({listed(known)}); two classes are needed.")
    places = class_columns(known, known, scores)
    names = [name for _, name in sorted(zip(places, known, strict=True))]
    labels = np.column_stack([levels.eq(name).to_numpy(dtype=np.int64) for name in names])
    return Question("multiclass", names, labels, [[name] for name in names], known)


def _several(frame: pd.DataFrame, spec: ScoredSpec) -> Question:
    columns = [named_column(frame, name, "label") for name in spec.label]
    found = set().union(*(set(as_levels(column)) for column in columns))
    unknown = [value for value in spec.positive if value not in found]
    if unknown:
        raise FairTuneError(f"--positive {unknown[0]} is not a value of {listed(spec.label)}; name one that is.")
    labels = np.column_stack([_finding(column, spec.positive) for column in columns])
    names = [str(name) for name in spec.label]
    return Question("multilabel", names, labels, [[name] for name in names], names)


def _finding(column: pd.Series, positive: list[str]) -> np.ndarray:
    """Read one of several findings: 0 and 1, or the values that mean disease in all of them."""
    if positive:
        return binary_labels(column, [value for value in positive if value in set(as_levels(column))]).values
    levels = as_levels(column)
    found = set(levels.fillna("(empty)"))
    if not any(found <= known for known in UNAMBIGUOUS):
        raise FairTuneError(
            f"`{column.name}` has the values {listed(sorted(found))}; each of several --label holds 0 and 1 in every "
            "row, or name the values that mean disease with --positive."
        )
    if len(found) < 2:
        raise FairTuneError(
            f"`{column.name}` has one value ({listed(found)}); two classes are needed: leave this --label out."
        )
    return levels.isin(["1", "True"]).to_numpy(dtype=np.int64)


def _check_all_scored(column: pd.Series, scores: ClassScores) -> None:
    """Check that of several classes not just two have a column."""
    known = sorted(as_levels(column).dropna().unique())
    found = next((names for name in known if (names := match([name], scores))), None)
    left = [name for name in known if found and name not in found]
    if found and len(known) > 2 and set(found) < set(known):
        raise FairTuneError(
            f"`{column.name}` has {len(known)} classes, but {scores.flag} names the columns of {listed(found)} alone; "
            f"add those of {listed(left)}, or name the class that means disease with --positive."
        )


def _check_shares(scores: ClassScores) -> None:
    """Check that scores of classes that exclude each other are no logits: one of them alone does not rank the rows."""
    if (scores.values < 0).any():
        raise FairTuneError(
            f"{scores.flag} {listed(scores.names)} has values below 0, as logits have; one class's logit does not "
            "rank the rows: give probabilities (softmax)."
        )
