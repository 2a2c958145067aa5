"""Patients' groups from attribute columns: specs such as `sex` and `age:60`, and their intersections.

The names are plain ASCII, as they become metric keys: a value is its own name; `age:60` gives `<=60` and `>60`;
`age:40,60` gives `<=40`, `(40,60]` and `>60`; an empty cell is the level `missing`; several specs are joined by
` & ` (`F & >60`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import FairTuneError
from .levels import as_levels, listed
from .named_column import meant

MISSING = "missing"
MAX_LEVELS = 20


@dataclass(frozen=True)
class GroupSpec:
    """One attribute: its column, and where to cut it if it is a number."""

    column: str
    cuts: tuple[float, ...] = ()

    @classmethod
    def parse(cls, text: str, columns: Sequence[str]) -> GroupSpec:
        """Read `column` or `column:cut,cut,...`.

        Raises:
            FairTuneError: the column is not in `columns`, or the cuts are not rising numbers.
        """
        if text in columns:
            return cls(text)
        column, _, tail = text.rpartition(":")
        if not column or column not in columns:
            raise FairTuneError(f"--group {text} names no column of the data{meant(column or text, columns)}.")
        try:
            cuts = tuple(float(cut) for cut in tail.split(","))
        except ValueError:
            cuts = ()
        if not cuts or not np.all(np.isfinite(cuts)) or list(cuts) != sorted(set(cuts)):
            raise FairTuneError(f"--group {text} has no rising numbers after the colon; write e.g. {column}:40,60.")
        return cls(column, cuts)

    def assign(self, column: pd.Series, *, lone_level: bool = False) -> pd.Series:
        """Return the level of every row as an ordered categorical; missing cells are the last level.

        Raises:
            FairTuneError: the attribute has one level (unless `lone_level` lets it), too many, or cells that are no
                numbers under cuts.
        """
        levels = self._binned(column) if self.cuts else self._plain(column)
        missing = levels.isna().any()
        names = [*levels.cat.categories, *([MISSING] if missing else [])]
        levels = levels.cat.set_categories(names).fillna(MISSING) if missing else levels
        if not lone_level:
            _check_several(self.column, names, len(column))
        return levels

    def _plain(self, column: pd.Series) -> pd.Series:
        levels = as_levels(column).replace(MISSING, None)
        names = sorted(levels.dropna().unique(), key=_natural)
        if len(names) > MAX_LEVELS:
            number = pd.to_numeric(pd.Series(names), errors="coerce").notna().all()
            cuts = f"give cuts such as --group {self.column}:{names[len(names) // 2]}, or "
            advice = f"{cuts if number else ''}merge its values in a new column"
            raise FairTuneError(f"`{self.column}` has {len(names)} values, more than {MAX_LEVELS} groups; {advice}.")
        return levels.astype(pd.CategoricalDtype(names))

    def _binned(self, column: pd.Series) -> pd.Series:
        levels = as_levels(column).replace(MISSING, None)
        numbers = pd.to_numeric(levels, errors="coerce").astype(float)
        bad = levels[levels.notna() & numbers.isna()]
        if len(bad):
            raise FairTuneError(
                f"`{self.column}` is cut at {listed(map(_short, self.cuts))} but {len(bad)} cells are no numbers "
                f"({listed(bad.unique(), 5)}); make them numbers or leave them empty."
            )
        edges = [_short(cut) for cut in self.cuts]
        between = [f"({low},{high}]" for low, high in zip(edges, edges[1:], strict=False)]
        names = [f"<={edges[0]}", *between, f">{edges[-1]}"]
        bins = pd.cut(numbers, [-np.inf, *self.cuts, np.inf], labels=names)
        return bins.cat.remove_unused_categories()


@dataclass(frozen=True)
class Groups:
    """Group of every row as an index into `names`, shape `(rows,)`."""

    values: np.ndarray
    names: list[str]


def assign_groups(frame: pd.DataFrame, specs: Sequence[str], *, lone_levels: bool = False) -> Groups:
    """Give every row its group: the intersection of the levels of all `specs` that occur.

    Args:
        frame: the attribute columns.
        specs: one an attribute, as `GroupSpec.parse` reads them.
        lone_levels: whether an attribute may have one level, as long as there are two groups.

    Raises:
        FairTuneError: no spec, one that does not fit the table, or only one group.
    """
    columns = [str(name) for name in frame.columns]
    if not specs:
        raise FairTuneError(f"No --group is given; name an attribute among the columns {listed(columns, 30)}.")
    parsed = [GroupSpec.parse(spec, columns) for spec in specs]
    levels = [spec.assign(frame[spec.column], lone_level=lone_levels).cat for spec in parsed]
    codes, cells = intersect([level.codes.to_numpy() for level in levels], [len(level.categories) for level in levels])
    names = [" & ".join(level.categories[i] for level, i in zip(levels, cell, strict=True)) for cell in cells]
    _check_several("` and `".join(spec.column for spec in parsed), names, len(frame))
    return Groups(codes, names)


def intersect(codes: Sequence[np.ndarray], sizes: Sequence[int]) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Give every row its cell of the cross table of several attributes, among the cells that occur.

    Args:
        codes: level of every row, one array [n] an attribute.
        sizes: number of levels of each attribute.

    Returns:
        code of every row's cell, int64 [n], and the levels of each cell, in the order of the cross table.
    """
    place = np.zeros(len(codes[0]), dtype=np.int64)
    cells: list[tuple[int, ...]] = [()]
    # One attribute at a time, as the whole cross table of many may have more cells than there are integers.
    for code, size in zip(codes, sizes, strict=True):
        occurring, place = np.unique(place * size + code, return_inverse=True)
        cells = [(*cells[at // size], at % size) for at in occurring.tolist()]
    return place.astype(np.int64), cells


def _check_several(column: str, names: Sequence[str], count: int) -> None:
    if len(names) < 2:
        raise FairTuneError(
            f"`{column}` puts all {count} rows in one group ({listed(names)}); at least two are "
            "needed: choose another attribute or other cuts."
        )


def _short(number: float) -> str:
    """Write a cut in six digits where these are the whole number, as two cuts must not have one name."""
    return f"{number:g}" if float(f"{number:g}") == number else repr(number).removesuffix(".0")


def _natural(name: str) -> tuple[int, float, str]:
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0.0, name)
