"""Patients' attributes as groups: columns such as `sex`, cut numbers such as `age:60`, and their intersection.

The names of groups are plain ASCII, as they become metric keys: a value is its own name; `age:60` gives `<=60` and
`>60`; `age:40,60` gives `<=40`, `(40,60]` and `>60`; an empty cell is in the group `missing`, and of
a cut column a code such as -1 in the group `unknown`; the groups of an
intersection are joined by ` & ` (`F & >60`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np
import pandas as pd

from ..document.data import AttributeKind, Reading
from ..errors import FairTuneError, listed
from .columns import as_levels, named_column, no_column
from .unknown import UNKNOWN, UNKNOWN_NAMES, coded_numbers, is_code

AND = " & "
MISSING = "missing"
MAX_LEVELS = 20
MAX_CELLS = 200


@dataclass(frozen=True)
class Attribute:
    """One partition of the rows into groups.

    Args:
        name: the flag's text (`sex`, `age:60`), or all of them joined (`sex & age:60`).
        columns: what it is made from.
        kind: "levels", "cuts" or "intersection".
        cuts: where a number is cut, of "cuts" only.
        values: code of every row's group, int64 [n].
        levels: of every attribute a group is made from, by code; `missing` is that of an empty cell.
    """

    name: str
    columns: list[str]
    kind: AttributeKind
    cuts: list[float]
    values: np.ndarray
    levels: list[tuple[str, ...]]

    @property
    def names(self) -> list[str]:
        """Return the names of the groups, by code."""
        return list(map(AND.join, self.levels))

    def take(self, rows: np.ndarray) -> Attribute:
        """Return the attribute of some rows (indices, or a mask [n]), with the groups that occur in them."""
        occurring, values = np.unique(self.values[rows], return_inverse=True)
        return replace(self, values=values.astype(np.int64), levels=[self.levels[i] for i in occurring])

    def within(self, names: Collection[str]) -> list[str]:
        """Return the groups of these names, and those of an intersection that lie in a level of such a name."""
        return [name for name, levels in zip(self.names, self.levels, strict=True) if {name, *levels} & {*names}]

    def unknown(self) -> list[str]:
        """Return the groups of which no one knows who is in them: a level is a missing value, or means an unknown."""
        levels: set[str] = set()
        for column in map(set, zip(*self.levels, strict=True)):
            words = {level for level in column if level.casefold() in {MISSING, *UNKNOWN_NAMES}}
            known = sorted(column - words)
            levels |= words | {level for level in known if is_code(level, known)}
        return self.within(levels)

    def left_out(self, exclude: Collection[str], include: Collection[str] = ()) -> list[str]:
        """Return the groups that take no part in a comparison: those of `exclude`, and unknown ones but `include`."""
        out = {*self.within(exclude), *({*self.unknown()} - {*self.within(include)})}
        return [name for name in self.names if name in out]


def read_attributes(
    frame: pd.DataFrame,
    specs: Sequence[str],
    *,
    intersections: bool = True,
    lone_levels: bool = False,
    flag: str = "group",
) -> tuple[list[Attribute], list[Reading]]:
    """Read every attribute, `column` or `column:cut,cut,...`, then, where there are several, their intersection.

    With `lone_levels` an attribute may have one group, as long as the last one has two. The readings tell which values
    lie on each side of a cut, and which are missing or mean an unknown one. Errors name the `flag`.
    """
    if not specs:
        raise FairTuneError(f"No --{flag} is given; name an attribute among the columns {listed(frame.columns, 30)}.")
    if len(set(specs)) < len(specs):
        repeated = sorted(spec for spec in specs if list(specs).count(spec) > 1)
        raise FairTuneError(f"--{flag} {repeated[0]} is given twice; name every attribute once.")
    found, readings = [], list[Reading]()
    for spec in specs:
        attribute, own = _attribute(frame, spec, flag)
        found.append(attribute)
        readings += own
    if intersections and len(found) > 1:
        found.append(_intersection(found))
    for attribute in found[-1:] if lone_levels else found:
        if len(attribute.names) < 2:
            raise FairTuneError(
                f"`{'` and `'.join(attribute.columns)}` puts all {len(attribute.values)} rows in one group "
                f"({listed(attribute.names)}); at least two are needed: choose another attribute or other cuts."
            )
    return found, readings


def parse_group(text: str, columns: Collection[str], flag: str = "group") -> tuple[str, list[float]]:
    """Read `column` or `column:cut,cut,...`: the column, and the cuts where it has any."""
    if text in columns:
        return text, []
    column, _, tail = text.rpartition(":")
    if column not in columns:
        raise no_column(flag, text, columns, column)
    try:
        cuts = list(map(float, tail.split(",")))
    except ValueError:
        cuts = []
    if not cuts or not np.isfinite(cuts).all() or (np.diff(cuts) <= 0).any():
        raise FairTuneError(f"--{flag} {text} has no rising numbers after the colon; write e.g. {column}:40,60.")
    return column, cuts


def at_quantiles(frame: pd.DataFrame, text: str, flag: str) -> str:
    """Read `column:q4`, a number in four parts of about equal size, as `column:cut,cut,cut`; other texts stay.

    Cuts are rounded to at least a hundredth of the range: they would be values of single patients.
    """
    column, _, tail = text.rpartition(":")
    if text in frame.columns or column not in frame.columns or tail[:1] != "q" or not tail[1:].isdecimal():
        return text
    numbers, unknown = coded_numbers(as_levels(named_column(frame, column, flag)))
    known, parts = numbers[~(np.isnan(numbers) | unknown)], int(tail[1:])
    if not 2 <= parts <= MAX_LEVELS:
        raise FairTuneError(f"--{flag} {text} asks for {parts} parts; choose 2 to {MAX_LEVELS}.")
    if len(np.unique(known)) < parts:
        raise FairTuneError(f"--{flag} {text}: the column has {len(np.unique(known))} numbers; leave out :{tail}.")
    digits = 2 - int(np.floor(np.log10(np.ptp(known))))
    cuts = np.unique(np.round(np.quantile(known, np.arange(1, parts) / parts), digits))
    return f"{column}:{','.join(map(_short, cuts[(cuts >= known.min()) & (cuts < known.max())].tolist()))}"


def _attribute(frame: pd.DataFrame, text: str, flag: str) -> tuple[Attribute, list[Reading]]:
    name, cuts = parse_group(text, list(frame.columns), flag)
    column = as_levels(named_column(frame, name, flag)).replace(MISSING, None)
    names, places = _bins(column, cuts) if cuts else _values(column, flag)
    # Places of empty cells are -1: the last name.
    levels: list[tuple[str, ...]] = list(zip((*names, MISSING), strict=True))
    every = Attribute(text, [name], "cuts" if cuts else "levels", cuts, places % len(levels), levels)
    readings = []
    for place, group in [*enumerate(names), (-1, MISSING)]:
        inside = column[places == place]
        if inside.empty:
            continue
        if place < 0:
            readings.append(Reading(name, "", "missing", len(inside)))
        elif group == UNKNOWN and cuts:
            readings.append(Reading(name, listed(sorted(inside.unique())), "unknown", len(inside)))
        elif group.casefold() in UNKNOWN_NAMES or (not cuts and is_code(group, names)):
            readings.append(Reading(name, group, "unknown", len(inside)))
        elif cuts:
            numbers = pd.to_numeric(inside)
            ends = f"{_short(float(numbers.min()))} to {_short(float(numbers.max()))}"
            readings.append(Reading(name, ends, "group", len(inside), group))
    return every.take(np.arange(len(frame))), readings


def _values(column: pd.Series, flag: str) -> tuple[list[str], np.ndarray]:
    """Return the values in their order, numbers as numbers, and the place of every row's; -1 where it is empty."""
    names = sorted(column.dropna().unique(), key=_natural)
    if len(names) > MAX_LEVELS:
        number = pd.to_numeric(pd.Series(names), errors="coerce").notna().all()
        cuts = f"give cuts such as --{flag} {column.name}:{names[len(names) // 2]}, or "
        advice = f"{cuts if number else ''}merge its values in a new column"
        raise FairTuneError(f"`{column.name}` has {len(names)} values, more than {MAX_LEVELS} groups; {advice}.")
    return names, pd.Index(names, dtype=object).get_indexer(column)


def _bins(column: pd.Series, cuts: list[float]) -> tuple[list[str], np.ndarray]:
    """Return the names of the bins (low, high], and the place of every row's; -1 where the cell is empty.

    A code for an unknown value, and a word for one, are a level of their own: `unknown`.
    """
    numbers, unknown = coded_numbers(column)
    bad = column.notna().to_numpy() & np.isnan(numbers) & ~unknown
    edges = list(map(_short, cuts))
    if bad.any():
        raise FairTuneError(
            f"`{column.name}` is cut at {', '.join(edges)} but {int(bad.sum())} cells are no numbers "
            f"({listed(column[bad].unique(), 5)}); make them numbers or leave them empty."
        )
    between = map("({},{}]".format, edges, edges[1:])
    names = [f"<={edges[0]}", *between, f">{edges[-1]}", UNKNOWN]
    places = np.where(np.isnan(numbers), -1, np.searchsorted(cuts, numbers))
    return names, np.where(unknown, len(names) - 1, places)


def _intersection(parts: Sequence[Attribute]) -> Attribute:
    """Cross several attributes: the cells that occur, in the order of the cross table."""
    name = AND.join(map(attrgetter("name"), parts))
    values, cells = pd.MultiIndex.from_arrays([*map(attrgetter("values"), parts)]).factorize(sort=True)
    if len(cells) > MAX_CELLS:
        raise FairTuneError(
            f"`{name}` has {len(cells)} groups, more than {MAX_CELLS}; name fewer attributes or cuts, or pass "
            "--no_intersections to an audit."
        )
    columns, levels = [], []
    for part, places in zip(parts, np.array([*cells]).T, strict=True):
        columns += part.columns
        levels.append(np.array(part.names, dtype=object)[places])
    columns = list(dict.fromkeys(columns))
    crossed = Attribute(name, columns, "intersection", [], values, list(zip(*levels, strict=True)))
    names = crossed.names
    if len(set(names)) < len(names):
        twice = next(group for group in names if names.count(group) > 1)
        raise FairTuneError(
            f"Two groups of `{name}` have the name {twice!r}, as values of the columns hold {AND!r}; rename these."
        )
    return crossed


def _short(number: float) -> str:
    """Write a cut in six digits where these are the whole number, as two cuts must not have one name."""
    return f"{number:g}" if float(f"{number:g}") == number else repr(number).removesuffix(".0")


def _natural(name: str) -> tuple[int, float, str]:
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0.0, name)
