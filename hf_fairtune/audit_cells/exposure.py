"""Which withheld counts are still too narrow a guess."""

from __future__ import annotations

import numpy as np

from .counts import Counts
from .linear import Linear, Terms
from .ranges import Key, Knowledge, Withheld

ROUNDS = 12
ROUNDING = 1e-6


def exposed(counts: Counts, withheld: Withheld, width: float, settled: set[Key]) -> list[tuple[int, int]]:
    """Find withheld counts of 1 to 10 that the told ones leave a range narrower than `width`, one a target.

    A range is between two possible tables. Tables that serve many counts at once are tried first.

    Args:
        settled: counts whose range is known to be wide enough, and stays so as more is withheld; those found here are
            added.

    Returns:
        target (-1 for rows, and then nothing else) and group.
    """
    known = Knowledge(counts, withheld)
    items = {key: terms for key, terms in known.sensitive(counts, withheld) if key not in settled}
    search = _Search(known, list(items.values()), width)
    search.try_many()
    keys = list(items)
    found: dict[int, int] = {}
    for place in search.narrow().tolist():
        _, target, group = keys[place]
        if -1 in found or target in found or place not in search.narrow():
            continue
        search.try_tables(np.array([place]), np.ones(1))
        if place in search.narrow():
            found[target] = group
    settled |= {key for place, key in enumerate(keys) if place not in set(search.narrow().tolist())}
    return list(found.items())


def any_exposed(known: Linear, items: list[Terms], width: float) -> bool:
    """Tell whether what is known leaves any of these sums of unknowns a range narrower than `width`."""
    search = _Search(known, items, width)
    search.try_many()
    for place in search.narrow().tolist():
        if place in search.narrow():
            search.try_tables(np.array([place]), np.ones(1))
            if place in search.narrow():
                return True
    return False


class _Search:
    """The counts still to be settled, and the ranges that the tables tried so far show."""

    def __init__(self, known: Linear, items: list[Terms], width: float) -> None:
        self.known, self.width = known, width
        self.rows = np.zeros((len(items), known.size))
        for place, terms in enumerate(items):
            for unknown, sign in terms:
                self.rows[place, unknown] += sign
        self.low = self.high = self.rows @ known.truth

    def try_many(self) -> None:
        """Try tables that serve many counts at once, as long as they settle any."""
        before, draw = -1, np.random.default_rng(0)
        for _ in range(ROUNDS):
            narrow = self.narrow()
            if len(narrow) in (0, before):
                break
            before = len(narrow)
            self.try_tables(narrow, draw.random(len(narrow)))

    def narrow(self) -> np.ndarray:
        """Place the counts that no two tables tried show far enough apart."""
        places: np.ndarray = np.flatnonzero(self.high - self.low < self.width - ROUNDING)
        return places

    def try_tables(self, places: np.ndarray, weights: np.ndarray) -> None:
        """Try the tables where the weighted sum of some counts is largest and smallest."""
        for point in self.known.points(weights @ self.rows[places]):
            values = self.rows @ point
            self.low, self.high = np.minimum(self.low, values), np.maximum(self.high, values)
