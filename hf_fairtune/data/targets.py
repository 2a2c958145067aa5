"""What is detected (one finding, one of several classes, several findings), and which scores are those of each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..document.data import Task
from ..errors import FairTuneError, listed
from .table_file import as_levels, filled_levels, named_column, numbers

UNAMBIGUOUS = ({"0", "1"}, {"False", "True"})
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


@dataclass(frozen=True)
class Targets:
    """The labels as binary targets.

    Args:
        task: "binary", "multiclass" or "multilabel".
        names: of the targets, [k].
        labels: 0 or 1, int64 [n, k].
        classes: the values of the label that are these targets; of "binary" all that are the one.
        known: all values of the label column.
        negative: what 0 means, of "binary" only.
    """

    task: Task
    names: list[str]
    labels: np.ndarray
    classes: list[str]
    known: list[str]
    negative: str | None = None

    def scores_of(self, scores: ClassScores) -> np.ndarray:
        """Return the score of every target, float64 [n, k]."""
        if self.task == "multilabel":
            return _of_findings(self.names, scores)
        if len(scores.names) > 1 or self.task == "multiclass":
            if not scores.multilabel and (scores.values < 0).any():
                raise FairTuneError(
                    f"{scores.flag} {listed(scores.names)} has values below 0, as logits have; one class's logit does "
                    "not rank the rows: give probabilities (softmax)."
                )
            columns = class_columns(self.classes, self.known, scores)
            return scores.values[:, columns] if self.task == "multiclass" else scores.of(columns)[:, None]
        if scores.names[0] in set(self.known) - set(self.classes):
            raise FairTuneError(
                f"{scores.flag} is that of {scores.names[0]!r}, but the positive label is "
                f"{' or '.join(self.classes)}; give the positive's column, or turn --positive."
            )
        return scores.values


def read_targets(frame: pd.DataFrame, label: Sequence[str], positive: Sequence[str], scores: ClassScores) -> Targets:
    """Read the labels as the targets for which there are scores.

    One label column is one target where `positive` names its values or there are no more than two scores, else one
    for every class that has scores; several label columns are one target each.
    """
    if len(label) > 1:
        return _findings([named_column(frame, name, "label") for name in label], positive)
    column = named_column(frame, label[0], "label")
    if not positive and len(scores.names) > 2 and not scores.multilabel:
        return _classes(column, scores)
    found = binary_targets(column, positive)
    name = str(column.name)
    if set(found.known) in UNAMBIGUOUS and found.classes == found.known[1:]:
        found = replace(found, names=[name])
    if scores.multilabel and len(scores.names) > 1 and name in scores.names:
        found = replace(found, classes=[name], known=[name])
    return found


def binary_targets(column: pd.Series, positive: Sequence[str] = ()) -> Targets:
    """Read a label column of any type as one disease against the rest.

    `positive` are the values that mean disease; it may be empty only where the values are 0 and 1 (or booleans).
    """
    name, (levels, known) = column.name, _several_levels(column)
    chosen = list(dict.fromkeys(map(str, positive))) or (known[1:] if set(known) in UNAMBIGUOUS else [])
    if not chosen:
        raise FairTuneError(
            f"`{name}` has the values {listed(known)} and nothing says which mean disease; pass --positive VALUE."
        )
    if not set(chosen) <= set(known):
        unknown = next(value for value in chosen if value not in known)
        raise FairTuneError(f"--positive {unknown} is not a value of `{name}`; its values are {listed(known)}.")
    rest = sorted({*known} - {*chosen})
    if not rest:
        raise FairTuneError(
            f"Every row of `{name}` is positive ({listed(known)}); two classes are needed. "
            "Name fewer values with --positive."
        )
    negative = rest[0] if len(rest) == 1 else "other" if "other" not in chosen else "rest"
    labels = levels.isin(chosen).to_numpy(dtype=np.int64)[:, None]
    return Targets("binary", [" or ".join(chosen)], labels, chosen, known, negative)


def _classes(column: pd.Series, scores: ClassScores) -> Targets:
    """Read one label column as one target for each class, in the order of the scores."""
    levels, known = _several_levels(column)
    places = class_columns(known, known, scores)
    names = [name for _, name in sorted(zip(places, known, strict=True))]
    labels = np.column_stack([levels.eq(name).to_numpy(dtype=np.int64) for name in names])
    return Targets("multiclass", names, labels, names, known)


def _findings(columns: list[pd.Series], positive: Sequence[str]) -> Targets:
    """Read several label columns, each a finding that a row can have."""
    names = [str(column.name) for column in columns]
    values = [set(as_levels(column).dropna()) for column in columns]
    unknown = [value for value in positive if value not in set().union(*values)]
    if unknown:
        raise FairTuneError(f"--positive {unknown[0]} is not a value of {listed(names)}; name one that is.")
    own = [[value for value in positive if value in found] for found in values]
    found = [binary_targets(column, chosen).labels for column, chosen in zip(columns, own, strict=True)]
    return Targets("multilabel", names, np.hstack(found), names, names)


def _of_findings(names: list[str], scores: ClassScores) -> np.ndarray:
    """Return the scores of several findings, in the order of their label columns."""
    if scores.multilabel is False:
        raise FairTuneError(
            f"the model chooses one of its classes ({listed(scores.names)}), but several --label are given; name "
            "one label column with the classes."
        )
    if scores.model and set(names) <= set(scores.names):
        return scores.values[:, [scores.names.index(name) for name in names]]
    named = scores.model and not all(name.startswith("LABEL_") for name in scores.names)
    if named or len(scores.names) != len(names):
        raise FairTuneError(
            f"{len(scores.names)} scores ({listed(scores.names)}) for {len(names)} findings ({listed(names)}); give "
            f"one {scores.flag} for each --label in the same order, or label columns named as the model's classes."
        )
    return scores.values


def _several_levels(column: pd.Series) -> tuple[pd.Series, list[str]]:
    """Return a label column as text and its values, of which there must be two."""
    levels = filled_levels(column)
    known = sorted(levels.unique())
    if len(known) < 2:
        raise FairTuneError(
            f"`{column.name}` has one value ({listed(known)}); two classes are needed: choose another column."
        )
    return levels, known
