"""A table's file, by the library that reads its kind; what the reader changed is said."""

import csv
import gzip
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

import pandas as pd

from ..document.data import Reading
from ..errors import FairTuneError, first_line, listed

SEPARATORS = {".csv": ",", ".tsv": "\t"}
ENCODINGS = ("utf-8-sig", "cp1252")
# Words that tables of numbers have for an empty cell; in a column of words they are values.
NO_NUMBER = frozenset(["NA", "N/A", "n/a", "#N/A", "NaN", "nan", "None", "none", "NULL", "null", "<NA>"])
SHOWN_LINES = 20


@dataclass(frozen=True)
class TableFile:
    """A table as it was read: its columns, and what was changed in reading them."""

    frame: pd.DataFrame
    readings: list[Reading] = field(default_factory=list)


def suffix_of(file: str | Path) -> str:
    """Return the ending that says how a file is read, such as ".csv" or ".csv.gz"."""
    path = Path(str(file).lower())
    return "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix


def is_table(name: str) -> bool:
    """Say whether a name is that of a table file rather than of a model."""
    return suffix_of(name) in READERS


def read_table(file: str | Path) -> TableFile:
    """Read a table; the names of its columns lose blanks at their ends, repeated ones are kept.

    A file that separates by something else than its ending says (a semicolon, as spreadsheets do) is read by what its
    first lines show. `NA` and the like are values, in a column of numbers they are empty cells.

    Raises:
        FairTuneError: the file is missing, damaged, empty or of another kind.
    """
    path = Path(file).expanduser()
    if not path.exists():
        raise FairTuneError(f"`{path}` does not exist; give a {KINDS} file.")
    if not path.is_file():
        raise FairTuneError(f"`{path}` is no file; give a {KINDS} file.")
    if not is_table(path.name):
        raise FairTuneError(f"`{path}` is no {KINDS} file; save the table as one of these.")
    try:
        found = READERS[suffix_of(path)](path)
    except FairTuneError:
        raise
    except Exception as error:  # every reader raises its own kinds
        raise FairTuneError(f"`{path}` could not be read ({first_line(error)}); check the file.") from error
    if found.frame.empty:
        raise FairTuneError(f"`{path}` has no rows; give a table with one row an image or patient.")
    named, trimmed = _trimmed(found.frame)
    frame, emptied = _numbers_without_words(named)
    return TableFile(frame, [*found.readings, *trimmed, *emptied])


def _trimmed(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Reading]]:
    """Take blanks from the ends of the names."""
    names, readings = list[str](), []
    for name in frame.columns:
        names.append(str(name).strip())
        readings += [Reading(names[-1], "", "trimmed_name")] if str(name) != names[-1] else []
    return frame.set_axis(names, axis="columns"), readings


def _numbers_without_words(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Reading]]:
    """Turn a column of numbers and of words for none into numbers."""
    columns, readings = [], []
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        if not pd.api.types.is_numeric_dtype(column) and (column.isin(NO_NUMBER)).any():
            words = column.isin(NO_NUMBER)
            numbers = pd.to_numeric(column[~words], errors="coerce")
            if numbers.notna().sum() and numbers.notna().eq(column[~words].notna()).all():
                for word, n in column[words].value_counts().items():
                    readings.append(Reading(str(name), str(word), "missing", int(n)))
                column = numbers.reindex(column.index)
        columns.append(column)
    whole = pd.concat(columns, axis="columns") if readings else frame
    return whole, readings


def _read_parquet(path: Path) -> TableFile:
    frame = pd.read_parquet(path)
    # What pandas keeps as the index is a column to whoever wrote the table.
    named = [name for name in frame.index.names if name is not None and name not in frame]
    return TableFile(frame.reset_index(level=named).reset_index(drop=True) if named else frame.reset_index(drop=True))


def _read_excel(path: Path) -> TableFile:
    sheets = pd.read_excel(path, sheet_name=None, keep_default_na=False, na_values=[""])
    first = next(iter(sheets))
    return TableFile(sheets[first], [Reading("", first, "first_sheet", len(sheets))] if len(sheets) > 1 else [])


def _read_json(path: Path) -> TableFile:
    lines = suffix_of(path).startswith(".jsonl")
    return TableFile(pd.read_json(path, lines=lines, dtype=False))


def _read_text(path: Path) -> TableFile:
    encoding = _encoding(path)
    separator, names = _header(path, encoding)
    with warnings.catch_warnings():
        # Left to itself, pandas takes the first column for row names where rows are longer than the first line.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                path,
                sep=separator,
                encoding=encoding,
                low_memory=False,
                skipinitialspace=True,
                index_col=False,
                keep_default_na=False,
                na_values=[""],
            )
        except pd.errors.ParserWarning as error:
            raise FairTuneError(
                f"`{path}` has rows with more cells than its first line has names ({listed(names)}); correct it."
            ) from error
    if len(names) != len(frame.columns) or "\n" in "".join(names):
        raise FairTuneError(f"The first line of `{path}` is no list of names; write it on one line, a name a column.")
    readings = [Reading("", encoding, "encoding")] if encoding != ENCODINGS[0] else []
    if separator != SEPARATORS[suffix_of(path).removesuffix(".gz")]:
        readings.append(Reading("", separator, "separator"))
    return TableFile(frame.set_axis(names, axis="columns"), readings)


def _opened(path: Path, encoding: str) -> IO[str]:
    opening: Callable[..., IO[str]] = gzip.open if path.suffix.lower() == ".gz" else open
    return opening(path, "rt", encoding=encoding, newline="")


def _encoding(path: Path) -> str:
    """Return the first encoding in which all of a file is text."""
    for encoding in ENCODINGS:
        try:
            with _opened(path, encoding) as file:
                while file.read(1 << 20):
                    pass
            return encoding
        except UnicodeDecodeError:
            continue
    raise FairTuneError(f"`{path}` is no text in UTF-8 or Windows-1252; save it as UTF-8.")


def _header(path: Path, encoding: str) -> tuple[str, list[str]]:
    """Return what separates the cells, and the names of the first line that is not blank.

    The separator divides all of the first lines into equally many cells, as many as any does; that of the file's
    ending comes first.
    """
    with _opened(path, encoding) as file:
        lines = list(islice(filter(str.strip, file), SHOWN_LINES))
    if not lines:
        raise FairTuneError(
            f"`{path}` is empty; give a table with names in its first line, one row an image or patient."
        )
    if "\0" in "".join(lines):
        raise FairTuneError(f"`{path}` is no text; save the table as text.")
    best, names, score = "", list[str](), (False, 0)
    for separator in (SEPARATORS[suffix_of(path).removesuffix(".gz")], *",;\t|"):
        cells = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
        even = len(cells[0]) > 1 and len(set(map(len, cells))) == 1
        if (even, len(cells[0])) > score:
            best, names, score = separator, cells[0], (even, len(cells[0]))
    return best, names


READERS: dict[str, Callable[[Path], TableFile]] = {
    **dict.fromkeys([".csv", ".tsv", ".csv.gz", ".tsv.gz"], _read_text),
    **dict.fromkeys([".json", ".jsonl", ".json.gz", ".jsonl.gz"], _read_json),
    ".xlsx": _read_excel,
    ".parquet": _read_parquet,
    ".feather": lambda path: TableFile(pd.read_feather(path)),
}
KINDS = listed([*READERS], len(READERS))
