"""The classes that are trained on: which they are, which row has which, and their cells with groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..errors import FairTuneError, listed
from .columns import as_levels, named_column
from .scored_table import ScoredTable
from .targets import Targets, binary_targets, classes, findings
from .uncertain import UNCERTAIN, Uncertain, uncertain_rows

# A column of more values is a measurement or an id, or has values to merge.
MOST = 100
# Of several findings, rows that have the same ones are a class of their own from so many on.
PATTERN = 10


def training_targets(
    frame: pd.DataFrame,
    label: Sequence[str],
    positive: Sequence[str] = (),
    uncertain: Uncertain | None = None,
    known: Sequence[str] = (),
) -> Targets:
    """Read the labels as what a model is trained on.

    One column of more than two values is one class a value where no `positive` is named, else one finding against the
    rest; several columns are one finding each. Of a test set the classes are those of the main data, `known`.

    Raises:
        FairTuneError: the values do not say what they mean, there are too many, or some are not `known`.
    """
    if len(label) > 1:
        return findings(frame, label, positive, uncertain)
    if not label:
        raise FairTuneError("No --label is given; name the column of the diagnosis.")
    column = named_column(frame, label[0], "label")
    values = {*as_levels(column).dropna()} - ({UNCERTAIN} if uncertain_rows(column).any() else set())
    if positive or not (known or 2 < len(values) <= MOST):
        return binary_targets(column, positive, uncertain)
    found = classes(column)
    return _as_in(found, known, str(column.name)) if known else found


def _as_in(found: Targets, known: Sequence[str], name: str) -> Targets:
    """Return targets in the order of known ones, of which some may have no row."""
    if new := sorted({*found.names} - {*known}):
        raise FairTuneError(
            f"`{name}` has the values {listed(new)}, which the main data lack ({listed(known, 30)}); leave these rows "
            "out, or write the same values in both tables."
        )
    labels = np.zeros((len(found.labels), len(known)), dtype=np.int64)
    labels[:, [*map(list(known).index, found.names)]] = found.labels
    return Targets(found.task, list(known), labels, list(known), list(known), readings=found.readings)


def class_codes(table: ScoredTable) -> np.ndarray:
    """Return the class of every row, int64 [n], from 0: what splits and draws hold alike shares of.

    Of several findings a row can have, its class is which it has; rarer ones than `PATTERN` rows are one class.
    """
    if table.task == "binary":
        return table.labels[:, 0]
    if table.task == "multiclass":
        found: np.ndarray = table.labels.argmax(axis=1)
        return found
    _, codes, sizes = np.unique(table.labels == 1, axis=0, return_inverse=True, return_counts=True)
    kept = sizes >= PATTERN
    places = np.where(kept, np.cumsum(kept) - 1, kept.sum())
    pooled: np.ndarray = places[codes.reshape(-1)].astype(np.int64)
    return pooled


def trained_labels(table: ScoredTable) -> np.ndarray:
    """Return the labels as training takes them: class codes, int64 [n], or of findings float32 [n, k], NaN unknown."""
    if table.task != "multilabel":
        return class_codes(table)
    return np.where(table.labels < 0, np.nan, table.labels).astype(np.float32)
