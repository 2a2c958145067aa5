"""A table of plain values from a CSV, TSV or Parquet file, cell by cell as it was written."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import pandas as pd

from ..errors import FairTuneError
from .levels import listed
from .source import TABLES

SUFFIXES = (*TABLES, ".parquet")
ENCODING = "utf-8-sig"


def read_table(path: Path) -> pd.DataFrame:
    """Read a table; the names of its columns are kept, those that come twice too.

    A file that separates by something else than its ending says (a semicolon, as spreadsheets do) is read by what its
    first line shows.

    Raises:
        FairTuneError: there is no such file, it is empty, it is no such table or it is not UTF-8.
    """
    if not path.exists():
        raise FairTuneError(f"`{path}` does not exist; give a {', '.join(SUFFIXES)} file of predictions.")
    if not path.is_file():
        raise FairTuneError(f"`{path}` is no file; give a {', '.join(SUFFIXES)} file of predictions.")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise FairTuneError(f"`{path}` is no {', '.join(SUFFIXES)} file; save the predictions as one of these.")
    try:
        frame = _read_parquet(path) if suffix == ".parquet" else _read_text(path, TABLES[suffix])
    except UnicodeDecodeError as error:
        raise FairTuneError(f"`{path}` is not UTF-8 text (byte {error.start}); save it as UTF-8.") from error
    except FairTuneError:
        raise
    except (ValueError, OSError, KeyError, TypeError, csv.Error) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FairTuneError(f"`{path}` could not be read ({reason}); check the file.") from error
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
                f"`{path}` has rows with more cells than its first line has names ({listed(names)}); mend that line."
            ) from error
    if len(names) != len(frame.columns):
        raise FairTuneError(f"The first line of `{path}` is no list of names; write it on one line, a name a column.")
    return frame.set_axis(names, axis="columns")


def _header(path: Path, separator: str) -> tuple[list[str], str]:
    """Return the names of the first line that is not blank, and what separates them."""
    with path.open(encoding=ENCODING, newline="") as file:
        line = next((line for line in file if line.strip()), "")
    if not line:
        raise FairTuneError(
            f"`{path}` is empty; give a table with names in its first line, one row an image or patient."
        )
    if "\0" in line:
        raise FairTuneError(f"`{path}` is no text; save the predictions as a table.")
    if separator not in line:
        separator = next((other for other in (";", "\t", ",") if other in line), separator)
    (names,) = csv.reader([line], delimiter=separator, skipinitialspace=True)
    return [name.strip() for name in names], separator
