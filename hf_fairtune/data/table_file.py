"""A table of plain values: its CSV, TSV or Parquet file, and its columns as text, numbers and clusters."""

import csv
import difflib
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import FairTuneError, first_line, listed

SEPARATORS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (*SEPARATORS, ".parquet")
ENCODING = "utf-8-sig"
SPLIT_COLUMN = "split"
SPLITS = ("train", "validation", "test")
SPLIT_NAMES = {"train": "train", "training": "train", "validation": "validation", "valid": "validation"}
SPLIT_NAMES |= {"val": "validation", "dev": "validation", "test": "test", "testing": "test"}


def is_table(name: str) -> bool:
    """Say whether a name is that of a table file rather than of a model."""
    return Path(name).suffix.lower() in SUFFIXES


def read_table(file: str | Path) -> pd.DataFrame:
    """Read a table; the names of its columns are kept, repeated ones too.

    A file that separates by something else than its ending says (a semicolon, as spreadsheets do) is read by what its
    first line shows.
    """
    path = Path(file).expanduser()
    if not path.exists():
        raise FairTuneError(f"`{path}` does not exist; give a {', '.join(SUFFIXES)} file.")
    if not path.is_file():
        raise FairTuneError(f"`{path}` is no file; give a {', '.join(SUFFIXES)} file.")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise FairTuneError(f"`{path}` is no {', '.join(SUFFIXES)} file; save the table as one of these.")
    try:
        frame = _read_parquet(path) if suffix == ".parquet" else _read_text(path, SEPARATORS[suffix])
    except UnicodeDecodeError as error:
        raise FairTuneError(f"`{path}` is not UTF-8 text (byte {error.start}); save it as UTF-8.") from error
    except FairTuneError:
        raise
    except (ValueError, OSError, KeyError, TypeError, csv.Error) as error:
        raise FairTuneError(f"`{path}` could not be read ({first_line(error)}); check the file.") from error
    if frame.empty:
        raise FairTuneError(f"`{path}` has no rows; give a table with one row an image or patient.")
    return frame


def _read_parquet(path: Path) -> pd.DataFrame:
    frame = pd.read_parquet(path)
    # What pandas keeps as the index is a column to whoever wrote the table.
    named = [name for name in frame.index.names if name is not None and name not in frame]
    return frame.reset_index(level=named).reset_index(drop=True) if named else frame.reset_index(drop=True)


def _read_text(path: Path, separator: str) -> pd.DataFrame:
    names, separator = _header(path, separator)
    with warnings.catch_warnings():
        # Left to itself, pandas takes the first column for row names where rows are longer than the first line.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                path, sep=separator, encoding=ENCODING, low_memory=False, skipinitialspace=True, index_col=False
            )
        except pd.errors.ParserWarning as error:
            raise FairTuneError(
                f"`{path}` has rows with more cells than its first line has names ({listed(names)}); correct it."
            ) from error
    if len(names) != len(frame.columns):
        raise FairTuneError(f"The first line of `{path}` is no list of names; write it on one line, a name a column.")
    return frame.set_axis(names, axis="columns")


def _header(path: Path, separator: str) -> tuple[list[str], str]:
    """Return the names of the first line that is not blank, and what separates them."""
    with path.open(encoding=ENCODING, newline="") as file:
        line = next(filter(str.strip, file), "")
    if not line:
        raise FairTuneError(
            f"`{path}` is empty; give a table with names in its first line, one row an image or patient."
        )
    if "\0" in line:
        raise FairTuneError(f"`{path}` is no text; save the table as text.")
    if separator not in line:
        separator = next((other for other in ";\t,|" if other in line), separator)
    (names,) = csv.reader([line], delimiter=separator, skipinitialspace=True)
    return list(map(str.strip, names)), separator


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
