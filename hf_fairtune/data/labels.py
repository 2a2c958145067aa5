"""The label column as 0 (negative) and 1 (positive), with the two names that travel along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import FairTuneError
from .levels import as_levels, listed

UNAMBIGUOUS = ({"0", "1"}, {"False", "True"})


@dataclass(frozen=True)
class BinaryLabels:
    """Labels in {0, 1}, shape `(rows,)`, and what 0 and 1 mean."""

    values: np.ndarray
    negative: str
    positive: str


def binary_labels(column: pd.Series, positive: Sequence[str] = ()) -> BinaryLabels:
    """Read `column` as one disease against the rest.

    Args:
        column: the label of every row, any type.
        positive: the values that mean disease; may be empty only where the values are 0 and 1 (or booleans).

    Raises:
        FairTuneError: a label is missing, a named value does not occur, only one class is left, or
            `positive` is needed and empty.
    """
    levels = as_levels(column)
    missing = int(levels.isna().sum())
    if missing:
        raise FairTuneError(
            f"`{column.name}` is empty in {missing} of {len(column)} rows; fill the labels in or drop these rows."
        )
    found = sorted(levels.unique())
    chosen = _chosen(str(column.name), found, [str(value) for value in positive])
    rest = [value for value in found if value not in chosen]
    if not rest:
        raise FairTuneError(
            f"Every row of `{column.name}` is positive ({listed(found)}); two classes are needed. "
            "Name fewer values with --positive."
        )
    negative = rest[0] if len(rest) == 1 else "other" if "other" not in chosen else "rest"
    return BinaryLabels(levels.isin(chosen).to_numpy(dtype=np.int64), negative, " or ".join(chosen))


def _chosen(name: str, found: list[str], positive: list[str]) -> list[str]:
    unknown = [value for value in positive if value not in found]
    if unknown:
        raise FairTuneError(
            f"--positive {unknown[0]} is not a value of `{name}`; its values are {listed(found)}. Name one of them."
        )
    if len(found) < 2:
        raise FairTuneError(
            f"`{name}` has one value ({listed(found)}); two classes are needed: choose another column."
        )
    if positive:
        return list(dict.fromkeys(positive))
    if set(found) in UNAMBIGUOUS:
        return [found[1]]
    raise FairTuneError(
        f"`{name}` has the values {listed(found)} and nothing says which mean disease; pass --positive VALUE."
    )
