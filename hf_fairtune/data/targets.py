"""What is detected (one finding, one of several classes, several findings), and which scores are those of each."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from ..document.data import Reading, Role, Task
from ..errors import FairTuneError, listed
from .class_scores import ClassScores, class_columns
from .columns import as_levels, filled_levels, named_column
from .uncertain import UNCERTAIN, Uncertain, side_of

UNAMBIGUOUS = ({"0", "1"}, {"False", "True"})
# What divides several findings in one cell.
LISTS = re.compile(r"[|;]")


@dataclass(frozen=True)
class Targets:
    """The labels as binary targets.

    Args:
        task: "binary", "multiclass" or "multilabel".
        names: of the targets, [k].
        labels: 0 or 1, or -1 where one of several findings is not known, int64 [n, k].
        classes: the values of the label that are these targets; of "binary" all that are the one.
        known: all values of the label column.
        negative: what 0 means, of "binary" only.
        one_column: whether the labels are values of one column.
        readings: what every value of the label columns was read as.
    """

    task: Task
    names: list[str]
    labels: np.ndarray
    classes: list[str]
    known: list[str]
    negative: str | None = None
    one_column: bool = True
    readings: list[Reading] = field(default_factory=list)

    def chosen_by(self, scores: ClassScores) -> np.ndarray | None:
        """Return the target with the highest score of every row, int64 [n]; -1 for a class that has no row.

        None where the targets do not exclude each other.
        """
        if self.task != "multiclass":
            return None
        places = np.full(len(scores.names), -1, dtype=np.int64)
        places[class_columns(self.classes, self.known, scores)] = np.arange(len(self.names))
        chosen: np.ndarray = places[scores.values.argmax(axis=1)]
        return chosen

    def scores_of(self, scores: ClassScores) -> np.ndarray:
        """Return the score of every target, float64 [n, k]."""
        if not self.one_column:
            return _of_findings(self.names, scores)
        if self.task == "binary" and self.names[0] in scores.names[1:]:
            return scores.of([scores.names.index(self.names[0])])[:, None]
        if len(scores.names) > 1 or self.task != "binary":
            if not scores.multilabel and (scores.values < 0).any():
                raise FairTuneError(
                    f"{scores.flag} {listed(scores.names)} has values below 0, as logits have; one class's logit does "
                    "not rank the rows: give probabilities (softmax)."
                )
            columns = class_columns(self.classes, self.known, scores)
            return scores.of(columns)[:, None] if self.task == "binary" else scores.values[:, columns]
        if scores.names[0] in set(self.known) - set(self.classes):
            raise FairTuneError(
                f"{scores.flag} is that of {scores.names[0]!r}, but the positive label is "
                f"{' or '.join(self.classes)}; give the positive's column, or turn --positive."
            )
        return scores.values


def read_targets(
    frame: pd.DataFrame,
    label: Sequence[str],
    positive: Sequence[str],
    scores: ClassScores,
    uncertain: Uncertain | None = None,
) -> Targets:
    """Read the labels as the targets for which there are scores.

    One label column is one target where `positive` names its values or there are no more than two scores, else one
    for every class that has scores; several label columns are one target each.
    """
    if len(label) > 1:
        return findings(frame, label, positive, uncertain)
    column = named_column(frame, label[0], "label")
    if not positive and len(scores.names) > 2 and not scores.multilabel:
        return classes(column, lambda known: class_columns(known, known, scores))
    found = binary_targets(column, positive, uncertain)
    name = str(column.name)
    if set(found.known) in UNAMBIGUOUS and found.classes == found.known[1:]:
        found = replace(found, names=[name])
    if scores.multilabel and len(scores.names) > 1 and name in scores.names:
        found = replace(found, classes=[name], known=[name])
    return found


def binary_targets(column: pd.Series, positive: Sequence[str] = (), uncertain: Uncertain | None = None) -> Targets:
    """Read a label column of any type as one disease against the rest.

    A cell may list several findings, as in `Effusion|Infiltration`.

    Args:
        column: a value a row; none is empty.
        positive: the values that mean disease; may be empty only where the values are 0 and 1 (or booleans).
        uncertain: what -1 beside 0 and 1 counts as; rows to drop are left out before.
    """
    name, levels = column.name, _several_levels(column)
    certain = levels.replace(UNCERTAIN, side_of(column, positive, uncertain))
    findings = _findings_of(certain, positive)
    known = sorted(set().union(*findings.values()))
    chosen = list(dict.fromkeys(map(str, positive))) or (known[1:] if set(known) in UNAMBIGUOUS else [])
    if not chosen:
        raise FairTuneError(
            f"`{name}` has the values {listed(known)} and nothing says which mean disease; pass --positive VALUE."
        )
    if not set(chosen) <= set(known):
        unknown = next(value for value in chosen if value not in known)
        raise FairTuneError(f"--positive {unknown} is not a value of `{name}`; its values are {listed(known)}.")
    labels = certain.isin(_cells_with(chosen, findings)).to_numpy(dtype=np.int64)
    rest = sorted({*known} - {*chosen})
    if labels.all():
        raise FairTuneError(
            f"Every row of `{name}` is positive ({listed(known)}); two classes are needed. "
            "Name fewer values with --positive."
        )
    negative = rest[0] if len(rest) == 1 else "other" if "other" not in chosen else "rest"
    readings = _readings(str(name), levels, labels)
    return Targets("binary", [" or ".join(chosen)], labels[:, None], chosen, known, negative, readings=readings)


def _findings_of(levels: pd.Series, positive: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the findings of every value: those that `|` or `;` divide, else the value itself.

    Values are divided where one of `positive`, or none at all, is a part of such a list and none is a list.
    """
    whole, parts = dict[str, tuple[str, ...]](), dict[str, tuple[str, ...]]()
    chosen, several = set(map(str, positive)), set[str]()
    for cell in levels.unique():
        found = tuple(filter(None, map(str.strip, LISTS.split(cell))))
        several |= {*found} if len(found) > 1 else set()
        whole[cell], parts[cell] = (cell,), found
    divided = several and not (chosen and chosen <= whole.keys() - several) and not any(map(LISTS.search, chosen))
    return parts if divided else whole


def _cells_with(chosen: Collection[str], findings: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the values that have one of some findings."""
    return [cell for cell, found in findings.items() if not {*chosen}.isdisjoint(found)]


def _readings(name: str, levels: pd.Series, labels: np.ndarray) -> list[Reading]:
    """Count the rows of every value by what it was read as, the most frequent first."""
    counts = pd.Series(labels).groupby(levels.to_numpy()).agg(["size", "max"])
    found = []
    for value, n, label in counts.sort_values("size", ascending=False, kind="stable").itertuples():
        role: Role = "positive" if label else "negative"
        found.append(Reading(name, value, role, int(n)))
    return found


def classes(column: pd.Series, order: Callable[[list[str]], Sequence[int]] | None = None) -> Targets:
    """Read one label column as one target for each class, in an `order` of their sorted names or in that one.

    A class that has a score and no row is no target.
    """
    levels = _several_levels(column)
    findings = _findings_of(levels, ())
    known = sorted(set().union(*findings.values()))
    places = order(known) if order else range(len(known))
    names = [name for _, name in sorted(zip(places, known, strict=True))]
    labels = np.column_stack([levels.isin(_cells_with([name], findings)).to_numpy(np.int64) for name in names])
    task: Task = "multilabel" if (labels.sum(axis=1) > 1).any() else "multiclass"
    readings = [
        Reading(str(column.name), str(value), "findings", int(n)) for value, n in levels.value_counts().items()
    ]
    return Targets(task, names, labels, names, known, readings=readings)


def findings(
    frame: pd.DataFrame, label: Sequence[str], positive: Sequence[str], uncertain: Uncertain | None
) -> Targets:
    """Read several label columns, each a finding that a row can have; an empty cell is a label that is not known."""
    columns = [named_column(frame, name, "label") for name in label]
    values = [set(as_levels(column).dropna()) for column in columns]
    unknown = [value for value in positive if value not in set().union(*values)]
    if unknown:
        raise FairTuneError(f"--positive {unknown[0]} is not a value of {listed(label)}; name one that is.")
    labels, readings = np.full((len(frame), len(columns)), -1, dtype=np.int64), list[Reading]()
    for place, (column, own) in enumerate(zip(columns, values, strict=True)):
        known = as_levels(column).notna().to_numpy()
        found = binary_targets(column[known], [value for value in positive if value in own], uncertain)
        labels[known, place] = found.labels[:, 0]
        empty = int((~known).sum())
        readings += [*found.readings, *([Reading(str(column.name), "", "missing", empty)] if empty else [])]
    names = list(map(str, label))
    return Targets("multilabel", names, labels, names, names, None, False, readings)


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


def _several_levels(column: pd.Series) -> pd.Series:
    """Return a label column as text, of which there must be two values."""
    levels = filled_levels(column)
    if levels.nunique() < 2:
        raise FairTuneError(
            f"`{column.name}` has one value ({listed(sorted(levels.unique()))}); two classes are needed: choose "
            "another column."
        )
    return levels
