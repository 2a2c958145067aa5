"""A column of a table, by the flag that names it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import numpy as np
import pandas as pd

from ..errors import FairTuneError
from .levels import as_levels, listed


def named_column(frame: pd.DataFrame, name: str, flag: str) -> pd.Series:
    """Return the one column of this name, one plain value a row.

    Raises:
        FairTuneError: there is none, there are several, or its cells are lists.
    """
    count = list(frame.columns).count(name)
    if not count:
        raise FairTuneError(f"--{flag} {name} names no column{meant(name, frame.columns)}.")
    if count > 1:
        raise FairTuneError(f"--{flag} {name} names {count} columns of the table; give each a name of its own.")
    column = frame[name]
    if column.dtype == object and any(isinstance(cell, (list, tuple, dict, set, np.ndarray)) for cell in column):
        raise FairTuneError(f"`{name}` has lists as cells; give --{flag} a column with one value a row.")
    return column


def meant(name: str, columns: Iterable[object]) -> str:
    """Say what the columns are, and which of them is perhaps meant, for an error line."""
    names = [str(column) for column in columns]
    near = difflib.get_close_matches(name.casefold(), [own.casefold() for own in names], n=1)
    ask = next((f" (did you mean `{own}`?)" for own in names if own.casefold() in near), "")
    return f"{ask}; the columns are {listed(names, 30)}"


def numbers(column: pd.Series, flag: str) -> np.ndarray:
    """Read a column as finite numbers, float64 [n]; text that is a number counts as one.

    Raises:
        FairTuneError: a cell is empty, infinite or no number; decimal commas are told from the rest.
    """
    name = column.name
    if column.dtype.kind in "mMc" or isinstance(column.dtype, (pd.DatetimeTZDtype, pd.PeriodDtype, pd.IntervalDtype)):
        raise FairTuneError(f"`{name}` has type {column.dtype}; give --{flag} a column of numbers.")
    plain = column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) else column
    values = pd.to_numeric(plain, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(values)
    if not bad.any():
        return values
    wrong = as_levels(column[bad]).dropna()
    if wrong.str.fullmatch(r"[-+]?\d*,\d+").any():
        raise FairTuneError(f"`{name}` has decimal commas ({wrong.iloc[0]}); write them as points.")
    shown = f" ({listed(wrong.unique(), 3)})" if len(wrong) else ""
    raise FairTuneError(
        f"`{name}` is no finite number in {int(bad.sum())} of {len(values)} rows{shown}, the first in row "
        f"{bad.argmax() + 1}; mend or drop these rows."
    )


def clusters_of(frame: pd.DataFrame, name: str | None) -> np.ndarray | None:
    """Return the cluster of every row as text [n], None where none is asked for.

    Raises:
        FairTuneError: there is no such column, or it has empty cells.
    """
    if name is None:
        return None
    levels = as_levels(named_column(frame, name, "cluster"))
    missing = int(levels.isna().sum())
    if missing:
        raise FairTuneError(
            f"`{name}` is empty in {missing} of {len(levels)} rows; give every row its cluster (a row of its own may "
            "have a name of its own)."
        )
    return levels.to_numpy(dtype=str)
