"""The attributes of an audit: every --group on its own, and the intersection of all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..errors import FairTuneError
from .groups import MISSING, GroupSpec, intersect
from .levels import listed
from .named_column import named_column

MAX_CELLS = 200
AND = " & "


@dataclass(frozen=True)
class Attribute:
    """One partition of the rows into groups.

    Args:
        name: the flag's text (`sex`, `age:60`), or all of them joined (`sex & age:60`).
        columns: what it is made from.
        kind: "levels", "cuts" or "intersection".
        cuts: where a number is cut, of "cuts" only.
        values: code of every row's group, int64 [n].
        names: of the groups, by code.
        levels: of every attribute a group is made from, by code.
        empty: whether a group is one of rows with an empty cell, by code.
    """

    name: str
    columns: list[str]
    kind: str
    cuts: list[float]
    values: np.ndarray
    names: list[str]
    levels: list[tuple[str, ...]]
    empty: list[bool]

    @property
    def missing(self) -> int:
        """Count the rows with an empty cell."""
        return int(np.asarray(self.empty)[self.values].sum())

    def take(self, rows: np.ndarray) -> Attribute:
        """Return the attribute of some rows (indices, or a mask [n]), with the groups that occur in them."""
        occurring, values = np.unique(self.values[rows], return_inverse=True)
        kept: dict[str, Any] = {
            key: [getattr(self, key)[i] for i in occurring] for key in ("names", "levels", "empty")
        }
        return replace(self, values=values.astype(np.int64), **kept)

    def within(self, names: Collection[str]) -> list[str]:
        """Return the groups that are called so, and those of an intersection that lie in a level called so."""
        return [name for name, levels in zip(self.names, self.levels, strict=True) if {name, *levels} & {*names}]


def read_attributes(frame: pd.DataFrame, specs: Sequence[str], intersections: bool = True) -> list[Attribute]:
    """Read every attribute, then, where there are several and they are wanted, their intersection.

    Raises:
        FairTuneError: none is named, one twice, one does not fit the table or has one group, or the intersection has
            more than `MAX_CELLS` groups.
    """
    columns = [str(name) for name in frame.columns]
    if not specs:
        raise FairTuneError(f"No --group is given; name an attribute among the columns {listed(columns, 30)}.")
    repeated = sorted({spec for spec in specs if list(specs).count(spec) > 1})
    if repeated:
        raise FairTuneError(f"--group {repeated[0]} is given twice; name every attribute once.")
    found = [_attribute(frame, text, GroupSpec.parse(text, columns)) for text in specs]
    return [*found, _intersection(found)] if intersections and len(found) > 1 else found


def _attribute(frame: pd.DataFrame, text: str, spec: GroupSpec) -> Attribute:
    levels = spec.assign(named_column(frame, spec.column, "group")).cat
    names = [str(name) for name in levels.categories]
    codes = levels.codes.to_numpy(dtype=np.int64)
    empty = [name == MISSING for name in names]
    kind, own = "cuts" if spec.cuts else "levels", [(name,) for name in names]
    return Attribute(text, [spec.column], kind, list(spec.cuts), codes, names, [*own], empty)


def _intersection(parts: Sequence[Attribute]) -> Attribute:
    name = AND.join(part.name for part in parts)
    codes, cells = intersect([part.values for part in parts], [len(part.names) for part in parts])
    if len(cells) > MAX_CELLS:
        raise FairTuneError(
            f"`{name}` has {len(cells)} groups, more than {MAX_CELLS}; name fewer attributes or cuts, or pass "
            "--no_intersections."
        )
    levels: list[tuple[str, ...]] = [
        tuple(part.names[i] for part, i in zip(parts, cell, strict=True)) for cell in cells
    ]
    names = [AND.join(level) for level in levels]
    _check_clear(name, names)
    empty = [any(part.empty[i] for part, i in zip(parts, cell, strict=True)) for cell in cells]
    columns = list(dict.fromkeys(column for part in parts for column in part.columns))
    return Attribute(name, columns, "intersection", [], codes, names, levels, empty)


def _check_clear(name: str, names: list[str]) -> None:
    twice = [group for group in names if names.count(group) > 1]
    if twice:
        raise FairTuneError(
            f"Two groups of `{name}` are called {twice[0]!r}, as values of the columns hold {AND!r}; rename these."
        )
