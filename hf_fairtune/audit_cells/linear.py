"""What could be: every table of counts that agrees with some linear facts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

Terms = list[tuple[int, int]]  # unknowns, each with its coefficient


class Linear:
    """Unknown counts, none below 0, and the sums of them that are known or bounded.

    `truth` are their values, [size], which serve where the facts leave no table to be found.
    """

    def __init__(self) -> None:
        self.truth: np.ndarray = np.zeros(0)
        self.equal: list[tuple[Terms, int]] = []
        self.below: list[tuple[Terms, int]] = []

    @property
    def size(self) -> int:
        """Count the unknowns."""
        return len(self.truth)

    def points(self, objective: np.ndarray) -> Iterator[np.ndarray]:
        """Yield what the unknowns could be where `objective` is largest, then smallest.

        Where it has no bound, the unknowns are bounded by far more than any count.
        """
        limit = 10 * (1 + self.truth.sum())
        equal, below = self._facts
        for sign in (-1, 1):
            found = linprog(sign * objective, *below, *equal, bounds=(0, limit), method="highs")
            yield found.x if found.x is not None else self.truth

    @cached_property
    def _facts(self) -> list[tuple[csr_array | None, np.ndarray | None]]:
        """Lay the facts out as matrices, once all are written down."""
        return [self._matrix(rows) for rows in (self.equal, self.below)]

    def _matrix(self, rows: list[tuple[Terms, int]]) -> tuple[csr_array | None, np.ndarray | None]:
        if not rows:
            return None, None
        places = [(i, j, value) for i, (terms, _) in enumerate(rows) for j, value in terms]
        i, j, values = zip(*places, strict=True)
        matrix = csr_array((values, (i, j)), shape=(len(rows), self.size), dtype=float)
        return matrix, np.array([known for _, known in rows], dtype=float)
