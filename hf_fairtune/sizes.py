"""How a size is shown, and which sizes of a split, rounded, would still give one of 1 to 7 away.

Whoever sees rounded sizes knows a range for each, and that groups add up to all rows, cells of an intersection to
groups, and classes to rows. A size of 1 to 7 is safe where two tables of whole numbers agree with all of that and
differ in it, which integer programming finds out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from .document.data import SplitSheet
from .document.estimate import SMALL, Size, exact

# Cases from which on statuses, numbers and curves are shown, which narrows the range of the cases.
EDGES = (10, 20, 50)
ROWS = "rows"


class Key(NamedTuple):
    """What a size counts: rows, or a class of a target, in a group of an attribute.

    Attribute None is all rows, group None those without a value of the attribute.
    """

    attribute: str | None
    group: str | None
    kind: str


Sum = tuple[Key, list[Key]]


def rounded(count: Any) -> Size:
    """Round a number of rows, cases or patients to the nearest 5; 1 to 7 are `SMALL`, and None stays None."""
    if not isinstance(count, int) or count == 0:
        return count
    return SMALL if count < 8 else 5 * round(count / 5)


def hidden(count: Any) -> Size:
    """Show no size."""
    return None


def recoverable(sheet: SplitSheet, multiclass: bool = False, balanced: bool = False) -> set[str | None]:
    """Name the attributes of an exact split, None for all rows, whose sizes must not be shown.

    Args:
        sheet: exact.
        multiclass: whether every row is a positive of just one target.
        balanced: whether all cells of the last attribute are equally large, as everybody may know.
    """
    sizes = dict(_sizes(sheet))
    table = _Table(sizes, list(_sums(sheet, list(sizes), multiclass, balanced)))
    gone: set[str | None] = set()
    while found := table.exposed(gone):
        gone |= found - gone or {key.attribute for key in sizes}
    return gone


class _Table:
    """The exact sizes of a split, and the sums that hold between them."""

    def __init__(self, sizes: dict[Key, int], sums: list[Sum]) -> None:
        self.keys, self.values = list(sizes), np.array(list(sizes.values()))
        places = {key: place for place, key in enumerate(self.keys)}
        rows = np.zeros((len(sums), len(places)))
        for row, (whole, parts) in zip(rows, sums, strict=True):
            row[[places[part] for part in parts if part in places]] = 1
            row[places[whole]] = -1
        # The name of a cell may have two readings; a sum that does not hold is none.
        self.sums = LinearConstraint(rows[rows @ self.values == 0], 0, 0)

    def exposed(self, gone: set[str | None]) -> set[str | None]:
        """Name the attributes with a size of 1 to 7 that can have no other value, when those in `gone` show none."""
        fixed, before = (self.values >= 1) & (self.values <= 7), -1
        while fixed.any() and fixed.sum() != before:
            before = fixed.sum()
            for sign in (1, -1):
                fixed &= self._lowest(sign * fixed, gone) == self.values
        # Together they cannot change; each alone still may.
        ones = np.eye(len(self.keys))[fixed]
        alone = [all(one @ self._lowest(sign * one, gone) == one @ self.values for sign in (1, -1)) for one in ones]
        return {self.keys[place].attribute for place in np.flatnonzero(fixed)[np.array(alone, dtype=bool)]}

    def _lowest(self, weights: np.ndarray, gone: set[str | None]) -> np.ndarray:
        """Find the table with the lowest weighted sum of sizes among those that would be shown alike."""
        most = int(self.values.max()) + 10
        sizes = zip(self.keys, self.values.tolist(), strict=True)
        low, high = np.transpose([(0, most) if key.attribute in gone else _range(key, n) for key, n in sizes])
        found = milp(weights, integrality=np.ones(len(weights)), bounds=Bounds(low, high), constraints=self.sums)
        return np.round(found.x)


def _range(key: Key, count: int) -> tuple[int, int]:
    """Give the lowest and the highest size that would be shown as `count` is."""
    shown, edges = rounded(count), () if key.kind == ROWS else EDGES
    if not shown or shown == SMALL:
        return (1, 7) if shown else (0, 0)
    low, high = [edge for edge in edges if edge <= count], [edge - 1 for edge in edges if edge > count]
    return max(shown - 2, *low, 0), min(shown + 2, *high, shown + 2)


def _sizes(sheet: SplitSheet) -> Iterator[tuple[Key, int]]:
    """Yield the sizes of an exact split."""
    rows: list[tuple[str | None, str, Size, dict[str, Size]]] = [(None, "", sheet.n, sheet.positives)]
    rows += [(part.name, level.group, level.n, level.positives) for part in sheet.attributes for level in part.levels]
    for attribute, group, n, positives in rows:
        yield Key(attribute, group, ROWS), exact(n)
        for target, count in positives.items():
            yield Key(attribute, group, f"positives {target}"), exact(count)
            yield Key(attribute, group, f"negatives {target}"), exact(n) - exact(count)
    yield from ((Key(part.name, None, ROWS), exact(part.missing)) for part in sheet.attributes)


def _sums(sheet: SplitSheet, keys: list[Key], multiclass: bool, balanced: bool) -> Iterator[Sum]:
    """Yield what everybody knows: a size, and those it is the sum of."""
    classes = [[f"positives {target}", f"negatives {target}"] for target in sheet.positives]
    classes += [[f"positives {target}" for target in sheet.positives]] if multiclass else []
    for key in keys:
        if key.kind == ROWS and key.group is not None:
            yield from ((key, [key._replace(kind=kind) for kind in kinds]) for kinds in classes)
    for part in sheet.attributes:
        yield Key(part.name, None, ROWS), [Key(part.name, level.group, ROWS) for level in part.levels if level.missing]
        held = _cells(sheet) if part.kind == "intersection" else {}
        for kind in dict.fromkeys(key.kind for key in keys):
            yield Key(None, "", kind), [Key(part.name, level.group, kind) for level in part.levels]
            for (attribute, group), cells in held.items():
                yield Key(attribute, group, kind), [Key(part.name, cell, kind) for cell in cells]
    if balanced:
        first, *others = [key for key in keys if key.attribute == sheet.attributes[-1].name and key.kind != ROWS]
        yield from ((first, [other]) for other in others)


def _cells(sheet: SplitSheet) -> dict[tuple[str, str], list[str]]:
    """Name the cells of the intersection that lie in each group of each single attribute."""
    single = [part for part in sheet.attributes if part.kind != "intersection"]
    found: dict[tuple[str, str], list[str]] = {}
    for groups in product(*([level.group for level in part.levels] for part in single)):
        for part, group in zip(single, groups, strict=True):
            found.setdefault((part.name, group), []).append(" & ".join(groups))
    return found
