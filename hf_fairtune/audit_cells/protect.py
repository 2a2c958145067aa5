"""Which counts of an audit are withheld: the small ones, and as many more as keep them from being worked out."""

from __future__ import annotations

import numpy as np

from .counts import Counts
from .exposure import exposed
from .ranges import MANY, Key, Withheld, small
from .restore import restored

WIDTH = 11
UNKNOWNS = 2000


def withhold(counts: Counts) -> Withheld:
    """Choose what to withhold, so that no count of 1 to 10 is told or can be worked out.

    Withheld are the rows of a group where they are 1 to 10, and its positives and negatives of a target where either
    is; then the smallest further groups until, along every sum, two or more are missing, and until each small count
    could, by all that is told, lie anywhere in a range 11 wide or wider. An intersection is withheld as a whole where
    most of its groups have 1 to 10 rows. Where more of its counts would be missing than can be checked, it is withheld
    as a whole, too, and then its counts are as safe as if it had not been asked for: what is told of its attributes
    may bound them. What none of this needs is told again (see `restored`). AUCs of large groups may be told even so
    (see `Withheld`).
    """
    for joint in counts.intersections:
        found = _completed(counts, _first(counts))
        if any(_unknowns(part, found.only(places)) > UNKNOWNS for places, part in _parts(counts, found)):
            counts = counts.without(joint)
    found = _completed(counts, _first(counts))
    settled: dict[int, set[Key]] = {}
    while [True for target, group in _exposed(counts, found, settled) if _widen(counts, found, target, group)]:
        found = _completed(counts, found)
    found = restored(counts, found, _completed_pairs(_first(counts)), lambda trial: _holds(counts, trial))
    return _spoken(counts, found)


def _completed_pairs(found: Withheld) -> Withheld:
    """Withhold the positives and negatives of groups whose rows are withheld."""
    found.pairs[:] |= found.n
    return found


def _holds(counts: Counts, found: Withheld) -> bool:
    """Tell whether every line misses none or enough, and no count is too narrow a guess."""
    copy = Withheld(found.n.copy(), found.pairs.copy(), found.spoken)
    return not _complete_lines(counts, copy) and not _exposed(counts, found, {})


def _spoken(counts: Counts, found: Withheld) -> Withheld:
    """Tell AUCs of large withheld groups, unless that they are large makes a small count too narrow a guess."""
    found.spoken[:] = found.pairs & (counts.positives >= MANY) & (counts.negatives >= MANY)
    found.spoken[:, [0, *counts.closed]] = False
    settled: dict[int, set[Key]] = {}
    while found.spoken.any() and (narrow := _exposed(counts, found, settled)):
        for target, _ in narrow:
            found.spoken[target if target >= 0 else slice(None)] = False
    return found


def _exposed(counts: Counts, found: Withheld, settled: dict[int, set[Key]]) -> list[tuple[int, int]]:
    """Find counts that are too narrow a guess, of each part that is checked by itself."""
    return [
        (targets[target] if target >= 0 else -1, group)
        for place, (targets, part) in enumerate(_parts(counts, found))
        for target, group in exposed(part, found.only(targets), WIDTH, settled.setdefault(place, set()))
    ]


def _parts(counts: Counts, found: Withheld) -> list[tuple[list[int], Counts]]:
    """Divide what is too much to be checked at once by target; where all rows are told, nothing is lost by it."""
    every = list(range(len(counts.targets)))
    if counts.exhaustive or _unknowns(counts, found) <= UNKNOWNS:
        return [(every, counts)]
    return [([target], counts.only(target)) for target in every]


def _first(counts: Counts) -> Withheld:
    """Withhold what is small itself, and what has a small total."""
    pairs = small(counts.positives) | small(counts.negatives)
    found = Withheld(small(counts.n), pairs, np.zeros_like(pairs))
    found.n[counts.closed] = True
    for inside in map(counts.inside, counts.intersections):
        found.n[inside] |= small(counts.n[inside]).mean() > 0.5
    found.n[:] |= found.n[0]
    found.pairs[:] |= found.pairs[:, :1]
    return found


def _unknowns(counts: Counts, found: Withheld) -> int:
    hidden = found.pairs.sum(axis=1)
    return int(found.n.sum() + hidden.sum() + sum(2 * hidden[row.target] for row in counts.numerators))


def _completed(counts: Counts, found: Withheld) -> Withheld:
    """Withhold more until no line misses one count alone, or too few rows."""
    changed = True
    while changed:
        changed = _complete_lines(counts, _completed_pairs(found))
    return found


def _complete_lines(counts: Counts, found: Withheld) -> bool:
    """Withhold one more count on every line that misses one, or misses too few rows; tell whether there was such.

    Short lines are first, as their choice is small: often it serves the long ones, too.
    """
    changed = False
    for target, hidden in [*enumerate(found.pairs), (-1, found.n)]:
        cells = _cells(counts, target)
        for whole, parts in sorted(counts.lines, key=lambda line: len(line[1])):
            line = np.array([whole, *parts])
            missing = line[hidden[line]]
            thin = not hidden[whole] and any(small(cell[missing].sum()) for cell in cells)
            if len(missing) == 1 or thin:
                changed |= _withhold_one(counts, hidden, line, target)
    for group in range(len(counts.groups)) if counts.exhaustive else ():
        if not found.n[group] and found.pairs[:, group].sum() == 1:
            free = np.flatnonzero(~found.pairs[:, group])
            order = sorted(free, key=lambda t: (counts.positives[t, group] < WIDTH, counts.positives[t, group]))
            found.pairs[order[0], group] = changed = True
    return changed


def _cells(counts: Counts, target: int) -> list[np.ndarray]:
    return [counts.n] if target < 0 else [counts.positives[target], counts.negatives[target]]


def _withhold_one(counts: Counts, hidden: np.ndarray, line: np.ndarray, target: int) -> bool:
    """Withhold the smallest group of a line that has enough of both labels; its total, which is first, at last."""
    cells = _cells(counts, target)

    def cost(group: int) -> tuple[bool, bool, int]:
        return group == line[0], min(int(cell[group]) for cell in cells) < WIDTH, int(counts.n[group])

    free = line[~hidden[line]].tolist()
    if free:
        hidden[min(free, key=cost)] = True
    return bool(free)


def _widen(counts: Counts, found: Withheld, target: int, group: int) -> bool:
    """Withhold one more count near a count whose range is too narrow: on its thinnest line, then anywhere."""
    hidden = found.n if target < 0 else found.pairs[target]
    lines = [np.array([whole, *parts]) for whole, parts in counts.lines if group in parts or group == whole]
    lines.sort(key=lambda line: int(counts.n[line[hidden[line]]].sum()))
    if any(_withhold_one(counts, hidden, line, target) for line in lines):
        return True
    if target >= 0 and not found.n[group]:
        found.n[group] = True
        return True
    return _withhold_one(counts, hidden, np.arange(len(counts.groups)), target)
