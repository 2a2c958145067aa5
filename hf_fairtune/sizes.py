"""How a size is shown, and which sizes of a split, rounded, would still give one of 1 to 7 away.

Whoever sees rounded sizes knows a range for each, and that groups add up to all rows, cells of an intersection to
groups, and classes to rows. A size of 1 to 7 is safe where two tables of whole numbers agree with all of that and
differ in it, which integer programming finds out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from .document.data import SplitSheet
from .document.estimate import SMALL, Size, exact

# Cases from which on statuses, numbers and curves are shown, which narrows the range of the cases.
EDGES = (10, 20, 50)
ROWS, MISSING = "rows", None
# Attribute (None: all rows), group (`MISSING`: rows without a value), and `ROWS` or a class of a target.
Key = tuple[str | None, str | None, str]


def rounded(count: Any) -> Size:
    """Round a number of rows, cases or patients to the nearest 5; 1 to 7 are `SMALL`, and None stays None."""
    if not isinstance(count, int) or count == 0:
        return count
    return SMALL if count < 8 else 5 * round(count / 5)


def recoverable(sheet: SplitSheet) -> set[str | None]:
    """Name the attributes of an exact split, None for all rows, whose sizes must not be shown."""
    sizes, gone = dict(_sizes(sheet)), set[str | None]()
    if not set(range(1, 8)) & set(sizes.values()):
        return gone
    places, values = {key: place for place, key in enumerate(sizes)}, np.array(list(sizes.values()))
    sums = np.zeros((0, len(sizes)))
    for whole, parts in _sums(sheet, list(sizes)):
        row = np.zeros((1, len(sizes)))
        row[0, [places[part] for part in parts if part in places]] = 1
        row[0, places[whole]] = -1
        # The name of a cell may have two readings; a sum that does not hold is none.
        sums = np.vstack([sums, row]) if row @ values == 0 else sums
    while found := {key[0] for key, fixed in zip(sizes, _fixed(sizes, sums, gone), strict=True) if fixed}:
        gone |= found - gone or {key[0] for key in sizes}
    return gone


def _fixed(sizes: dict[Key, int], sums: np.ndarray, gone: set[str | None]) -> np.ndarray:
    """Tell which sizes are 1 to 7 in every table that would be shown alike, where attributes in `gone` show none."""
    values, whole = np.array(list(sizes.values())), np.ones(len(sizes))
    most = int(values.max()) + 10
    bounds = Bounds(*np.transpose([(0, most) if key[0] in gone else _range(key, n) for key, n in sizes.items()]))
    fixed, before = (values >= 1) & (values <= 7), -1
    while fixed.any() and fixed.sum() != before:
        before = fixed.sum()
        for sign in (1, -1):  # the tables in which these sizes are smallest, and largest, together
            found = milp(sign * fixed, integrality=whole, bounds=bounds, constraints=LinearConstraint(sums, 0, 0))
            fixed &= np.round(found.x) == values
    return fixed


def _range(key: Key, count: int) -> tuple[int, int]:
    """Give the lowest and the highest size that would be shown as `count` is."""
    shown, edges = rounded(count), () if key[2] == ROWS else EDGES
    if not shown or shown == SMALL:
        return (1, 7) if shown else (0, 0)
    low, high = [edge for edge in edges if edge <= count], [edge - 1 for edge in edges if edge > count]
    return max(shown - 2, *low, 0), min(shown + 2, *high, shown + 2)


def _sizes(sheet: SplitSheet) -> Iterator[tuple[Key, int]]:
    """Yield the sizes of an exact split: rows, positives and negatives."""
    rows: list[tuple[str | None, str, Size, dict[str, Size]]] = [(None, "", sheet.n, sheet.positives)]
    rows += [(part.name, level.group, level.n, level.positives) for part in sheet.attributes for level in part.levels]
    for attribute, group, n, positives in rows:
        yield (attribute, group, ROWS), exact(n)
        for target, count in positives.items():
            yield (attribute, group, f"positives {target}"), exact(count)
            yield (attribute, group, f"negatives {target}"), exact(n) - exact(count)
    yield from (((part.name, MISSING, ROWS), exact(part.missing)) for part in sheet.attributes)


def _sums(sheet: SplitSheet, keys: list[Key]) -> Iterator[tuple[Key, list[Key]]]:
    """Yield what everybody knows: a size, and those that add up to it; some may not hold."""
    classes = [[f"positives {target}", f"negatives {target}"] for target in sheet.positives]
    classes += [[f"positives {target}" for target in sheet.positives]]
    for (attribute, group, kind), parts in product(keys, classes):
        if kind == ROWS and group != MISSING:
            yield (attribute, group, ROWS), [(attribute, group, one) for one in parts]
    single = [part for part in sheet.attributes if part.kind != "intersection"]
    cells = list(product(*([(part.name, level.group) for level in part.levels] for part in single)))
    for part in sheet.attributes:
        yield (part.name, MISSING, ROWS), [(part.name, level.group, ROWS) for level in part.levels if level.missing]
        for kind in dict.fromkeys(kind for _, _, kind in keys):
            yield (None, "", kind), [(part.name, level.group, kind) for level in part.levels]
            for level in {level for cell in cells for level in cell} if part.kind == "intersection" else ():
                held = [" & ".join(name for _, name in cell) for cell in cells if level in cell]
                yield (*level, kind), [(part.name, cell, kind) for cell in held]
