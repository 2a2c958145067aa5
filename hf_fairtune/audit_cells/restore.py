"""Counts that need not be withheld after all: told again, group after group, while nothing is given away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .counts import Counts
from .ranges import Withheld

TRIES = 24


def restored(counts: Counts, found: Withheld, first: Withheld, holds: Callable[[Withheld], bool]) -> Withheld:
    """Tell withheld groups again, the largest first, each with its cells, if all rules hold even so.

    Every line is completed by itself, with its own smallest group, so that lines together withhold more than needed:
    six rows without an age need one of the ages withheld, not both.

    Args:
        first: what is withheld whatever may follow.
        holds: whether nothing is given away by what a choice tells.
    """
    tried = 0
    for targets, block in _blocks(counts):
        trial = _without(found, first, targets, block)
        if tried == TRIES:
            break
        if (trial.pairs != found.pairs).any():
            tried += 1
            found = trial if holds(trial) else found
    return found


def _without(found: Withheld, first: Withheld, targets: list[int], block: list[int]) -> Withheld:
    """Tell the groups of a block of some targets; their rows with them."""
    trial = Withheld(found.n.copy(), found.pairs.copy(), found.spoken)
    trial.n[block] &= first.n[block]
    places = np.ix_(targets, block)
    trial.pairs[places] &= first.pairs[places]
    trial.pairs[:] |= trial.n
    return trial


def _blocks(counts: Counts) -> Iterator[tuple[list[int], list[int]]]:
    """Yield what may be told together, of all targets and then of each: groups with their cells, then single ones."""
    cells: dict[int, list[int]] = {}
    for whole, parts in counts.lines:
        cells.setdefault(whole, []).extend(parts if whole else [])
    order = sorted(range(1, len(counts.groups)), key=lambda group: -int(counts.n[group]))
    every = list(range(len(counts.targets)))
    for targets in [every, *([t] for t in every if len(every) > 1)]:
        yield from ((targets, [group, *cells[group]]) for group in order if group in cells)
        yield from ((targets, [group]) for group in order)
