"""The columns of a table as text, numbers, clusters and splits."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from ..errors import FairTuneError, listed

SPLIT_COLUMN = "split"
# What a column of paths or names of images is called.
PATH_COLUMNS = ("image", "file_name", "path", "filename", "image_id", "isic_id", "Image Index", "dicom_id")
SPLITS = ("train", "validation", "test")
SPLIT_NAMES = dict.fromkeys(["train", "training"], "train")
SPLIT_NAMES |= dict.fromkeys(["validation", "validate", "valid", "val", "dev"], "validation")
SPLIT_NAMES |= dict.fromkeys(["test", "testing", "held-out", "held_out", "heldout", "holdout", "external"], "test")


def no_column(flag: str, text: str, columns: Iterable[object], name: str | None = None) -> FairTuneError:
    """Return the error of a flag whose `text` names no column, with the columns and the one perhaps meant.

    `name` is the part of the text that would be the column's name, where it is not all of it.
    """
    names = [str(column) for column in columns]
    near = difflib.get_close_matches((name or text).casefold(), [own.casefold() for own in names], n=1)
    meant = next((f" (did you mean `{own}`?)" for own in names if own.casefold() in near), "")
    return FairTuneError(f"--{flag} {text} names no column of the data{meant}; the columns are {listed(names, 30)}.")


def named_column(frame: pd.DataFrame, name: str, flag: str) -> pd.Series:
    """Return the one column of this name, one plain value a row."""
    count = list(frame.columns).count(name)
    if not count:
        raise no_column(flag, name, frame.columns)
    if count > 1:
        raise FairTuneError(f"--{flag} {name} names {count} columns of the table; give each a name of its own.")
    column = frame[name]
    if column.dtype == object and any(isinstance(cell, (list, tuple, dict, set, np.ndarray)) for cell in column):
        raise FairTuneError(f"`{name}` has lists as cells; give --{flag} a column with one value a row.")
    return column


def as_levels(column: pd.Series) -> pd.Series:
    """Return a column as text, `None` where it is missing or blank: 1, 1.0 and "1" are one level.

    Whole floats lose their `.0`: a column of integers with one missing cell is read as floats.
    """
    if column.dtype == object:  # True, 1 and 1.0 are equal there, but not as text
        return pd.Series(list(map(_level, column)), index=column.index, name=column.name, dtype=object)
    codes, values = pd.factorize(column)
    names = np.array([*map(_level, pd.Series(values)), None], dtype=object)
    return pd.Series(names[codes], index=column.index, name=column.name, dtype=object)


def _level(value: Any) -> str | None:
    if pd.isna(value):
        return None
    if isinstance(value, (float, np.floating)) and value.is_integer():
        return str(int(value))
    return str(value).strip() or None


def filled_levels(column: pd.Series, advice: str = "fill the labels in or drop these rows") -> pd.Series:
    """Return a column as text, of which no cell may be empty."""
    levels = as_levels(column)
    missing = int(levels.isna().sum())
    if missing:
        raise FairTuneError(f"`{column.name}` is empty in {missing} of {len(column)} rows; {advice}.")
    return levels


def split_names(column: pd.Series) -> np.ndarray:
    """Return the split of every row, [n]: train, validation or test by any of their usual names."""
    levels = as_levels(column)
    names = levels.str.lower().map(SPLIT_NAMES)
    if (unknown := names.isna()).any():
        shown = listed(levels[unknown].fillna("(empty)").unique(), 5)
        raise FairTuneError(
            f"`{column.name}` does not say the split of {int(unknown.sum())} of {len(column)} rows ({shown}); write "
            "train, validation or test there, or give the column another name if it means something else."
        )
    spellings = levels.str.lower().unique().tolist()
    if len(spellings) > names.nunique():
        raise FairTuneError(
            f"`{column.name}` has the values {listed(sorted(spellings))}, of which several mean one split; write "
            "train, validation and test, and give the column another name if it means something else."
        )
    return names.to_numpy(dtype=str)


def clusters_of(frame: pd.DataFrame, name: str | None) -> np.ndarray | None:
    """Return the cluster of every row as text [n], None where no column is named."""
    if name is None:
        return None
    advice = "give every row its cluster (a row of its own may have a name of its own)"
    return filled_levels(named_column(frame, name, "cluster"), advice).to_numpy(dtype=str)


def numbers(column: pd.Series, flag: str) -> np.ndarray:
    """Read a column as finite numbers, float64 [n]; text that is a number counts as one."""
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
        f"{bad.argmax() + 1}; correct or drop these rows."
    )


def given_splits(frame: pd.DataFrame) -> np.ndarray | None:
    """Return the splits that a column `split` names; None where there is no such column."""
    if list(frame.columns).count(SPLIT_COLUMN) != 1:
        return None
    return split_names(named_column(frame, SPLIT_COLUMN, "split"))


def image_names(frame: pd.DataFrame, asked: str | None = None) -> np.ndarray | None:
    """Return the name of every row's image as text [n]: of the column asked for, or the first that is called so.

    None where there is no such column, or not every row has a name there.
    """
    names = [asked] if asked is not None else [name for name in PATH_COLUMNS if name in frame]
    if not names or list(frame.columns).count(names[0]) != 1:
        return None
    levels = as_levels(frame[names[0]])
    return None if levels.isna().any() else levels.to_numpy(dtype=str)
