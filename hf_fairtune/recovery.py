"""Whether a reader can recover a small size: from sizes that are shown rounded and must add up.

All groups of an attribute add up to the split, the cells of an intersection to each group that they lie in, positives
and negatives to rows, and classes that exclude each other to rows. What is shown of each size are bounds. An integer
program finds the least and the largest value of a size within all of them: where they are one, it is recovered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from operator import attrgetter

import numpy as np

from .data.attributes import AND
from .document.data import Level, SplitSheet, Task
from .document.estimate import exact

LARGEST_SMALL = 7
# Branches of a program that are tried before a size counts as recovered.
NODES = 1000
# How far above the rows of the split a size that is not shown may lie.
BEYOND = 100


def withheld(sheet: SplitSheet, task: Task, edges: Sequence[int]) -> set[str | None]:
    """Choose the attributes of an exact split that show no sizes, so that none of 1 to 7 is recovered.

    Where withholding one is enough, it is that one, of several the one with most groups; else the one with most groups
    goes, and then others. None stands for the split's own sizes, which go last. What else is shown tells of every size
    of a class on which side of each of the `edges` it lies.
    """
    sizes, gone = Sizes.of(sheet, task, edges), set[str | None]()
    parts = sorted(sheet.attributes, key=lambda part: -len(part.levels))
    left: list[str | None] = [*map(attrgetter("name"), parts), None]
    while left and sizes.recovered(gone):
        chosen = next((name for name in left if not sizes.recovered({*gone, name})), left[0])
        gone.add(chosen)
        left.remove(chosen)
    return gone


@dataclass(frozen=True)
class Sizes:
    """Every size of a split as a sum of unknowns, which are rows and positives of the smallest groups.

    Args:
        sums: weights of the unknowns, [n_sizes, n_unknowns].
        values: the exact sizes, [n_sizes].
        cases: whether a size is of a class, [n_sizes].
        edges: numbers of cases at which something else shows on which side a size of a class lies.
        owners: the attribute that shows a size, None for the split itself, [n_sizes].
        zeros, rest: sums that are 0, and sums that are 0 or more, [..., n_unknowns].
    """

    sums: np.ndarray
    values: np.ndarray
    cases: np.ndarray
    edges: Sequence[int]
    owners: list[str | None]
    zeros: np.ndarray
    rest: np.ndarray

    @classmethod
    def of(cls, sheet: SplitSheet, task: Task, edges: Sequence[int]) -> Sizes:
        """List the sizes of an exact split."""
        places, units = _places(sheet), np.eye(1 + len(sheet.positives), dtype=int)
        sums, values, cases, owners, wholes = list[np.ndarray](), list[int](), list[bool](), list[str | None](), []
        for owner, one, cells in _members(sheet, places):
            inside = np.bincount(cells, minlength=len(places))
            counts = [exact(one.n), *map(exact, one.positives.values())]
            own = units[: len(counts)]
            for weights in (*own, *(own[0] - own[1:])):  # rows, positives and negatives
                sums.append(np.kron(inside, weights))
                values.append(int(weights[: len(counts)] @ counts))
                cases.append(bool(weights[1:].any()))
                owners.append(owner)
            wholes += [np.kron(inside, units)] if owner is None else []
        none = np.zeros((0, len(places) * len(units)), dtype=int)
        rest = np.kron(np.eye(len(places), dtype=int), 2 * units[0] - units.sum(axis=0))
        zeros = np.concatenate([none, *(wholes[0] - other for other in wholes[1:])])
        if task != "multiclass":
            rest = none
        elif sum(map(exact, sheet.positives.values())) == sheet.n:  # no class is left out
            zeros, rest = np.concatenate([zeros, rest]), none
        exacts, of_cases = np.array(values, dtype=int), np.array(cases, dtype=bool)
        return cls(np.array([*none, *sums]), exacts, of_cases, edges, owners, zeros, rest)

    def recovered(self, gone: Collection[str | None]) -> bool:
        """Tell whether a size of 1 to 7 has one value left where the attributes that are `gone` show no sizes."""
        small = (self.values > 0) & (self.values <= LARGEST_SMALL)
        if not small.any():
            return False
        from scipy.optimize import Bounds, LinearConstraint, milp  # only where there are small sizes
        from scipy.sparse import csr_array

        low, high = self.bounds(np.array([owner in gone for owner in self.owners]))
        zeros, positive = np.zeros(len(self.zeros)), np.zeros(len(self.rest))
        within = LinearConstraint(
            csr_array(np.concatenate([self.sums, self.zeros, self.rest])),
            np.concatenate([low, zeros, positive]),
            np.concatenate([high, zeros, positive + np.inf]),
        )
        closed = small.copy()

        def search(aim: np.ndarray) -> None:
            for sign in (1, -1):
                found = milp(
                    sign * aim,
                    constraints=within,
                    integrality=np.ones_like(aim),
                    bounds=Bounds(0),
                    options={"node_limit": NODES},
                )
                if found.x is not None:
                    closed[:] &= np.rint(self.sums @ found.x).astype(int) == self.values

        # One solution shows many sizes another value: only what it leaves is searched one by one.
        search(self.sums[small].sum(axis=0))
        for place in np.flatnonzero(small):
            if closed[place]:
                search(self.sums[place])
            if closed[place]:
                return True
        return False

    def bounds(self, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bound every size by what is shown, `hidden` ones by the edges alone."""
        values, shown = self.values, 5 * np.round(self.values / 5).astype(int)
        low = np.where(values > LARGEST_SMALL, np.maximum(shown - 2, LARGEST_SMALL + 1), np.minimum(values, 1))
        high = np.where(values > LARGEST_SMALL, shown + 2, np.where(values > 0, LARGEST_SMALL, 0))
        low, high = np.where(hidden, 0, low), np.where(hidden, values.max() + BEYOND, high)
        for edge in self.edges:
            low = np.where(self.cases & (values >= edge), np.maximum(low, edge), low)
            high = np.where(self.cases & (values < edge), np.minimum(high, edge - 1), high)
        return low, high


def _places(sheet: SplitSheet) -> dict[tuple[str, str], int]:
    """Number the smallest groups: the cells of the intersection, else the groups of every attribute."""
    joint = [part for part in sheet.attributes if part.kind == "intersection"]
    keys = [(part.name, level.group) for part in joint or sheet.attributes for level in part.levels]
    return dict(zip(keys, range(len(keys)), strict=True))


def _members(
    sheet: SplitSheet, places: dict[tuple[str, str], int]
) -> Iterator[tuple[str | None, SplitSheet | Level, list[int]]]:
    """Yield every size that is shown: who shows it, what it is of, and the places of the groups that add up to it."""
    single = [part for part in sheet.attributes if part.kind != "intersection"]
    inside: dict[tuple[str, str], list[int]] = {key: [place] for key, place in places.items()}
    for name in {part.name for part in sheet.attributes if part.kind == "intersection"}:
        for crossed in product(*(part.levels for part in single)):
            cell = name, AND.join(map(attrgetter("group"), crossed))
            for part, level in zip(single, crossed, strict=True) if cell in places else ():
                inside.setdefault((part.name, level.group), []).append(places[cell])
    for part in sheet.attributes:
        missing = [place for level in part.levels if level.missing for place in inside[part.name, level.group]]
        yield part.name, Level("", part.missing, True, {}), missing
        for level in part.levels:
            yield part.name, level, inside[part.name, level.group]
    for name in dict.fromkeys(name for name, _ in places):
        yield None, sheet, [place for (own, _), place in places.items() if own == name]
