"""What told counts at shared cuts say about withheld ones: rows between two cuts, by linear programming."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .counts import Counts
from .linear import Linear, Terms
from .ranges import MANY, SMALL, Withheld


class Bands(Linear):
    """Positives and negatives of every group of one target in each band between cuts that all groups share.

    Known are the totals that are told, the counts above the told cuts, and that in each band levels add up.

    Args:
        target: its place.
        above: true and false positives at each cut, the lowest cut first, [2, n_cuts, n_groups].
        told: whether they are told, of the same shape.
    """

    def __init__(self, counts: Counts, withheld: Withheld, target: int, above: np.ndarray, told: np.ndarray) -> None:
        super().__init__()
        totals = np.stack([counts.positives[target], counts.negatives[target]])
        steps = np.concatenate([totals[:, None], above, np.zeros_like(totals)[:, None]], axis=1)
        self.counts = -np.diff(steps, axis=1)
        self.places = np.arange(self.counts.size).reshape(self.counts.shape)
        self.truth = self.counts.ravel().astype(float)
        self.groups = sorted({place for whole, parts in counts.lines for place in (whole, *parts)})
        for side, cut, group in np.argwhere(told).tolist():
            self.equal.append((self._sum(side, cut + 1, None, group), int(above[side, cut, group])))
        for group in self.groups:
            self._totals(counts, withheld, target, group)
        for whole, parts in counts.lines:
            for band in self.places.reshape(-1, self.places.shape[-1]):
                self.equal.append(([(int(band[whole]), -1), *((int(band[part]), 1) for part in parts)], 0))

    def _sum(self, side: int, first: int, end: int | None, group: int, sign: int = 1) -> Terms:
        return [(place, sign) for place in self.places[side, first:end, group].tolist()]

    def _totals(self, counts: Counts, withheld: Withheld, target: int, group: int) -> None:
        both = [self._sum(side, 0, None, group) for side in (0, 1)]
        if not withheld.pairs[target, group]:
            values = (counts.positives[target, group], counts.negatives[target, group])
            self.equal += [(terms, int(value)) for terms, value in zip(both, values, strict=True)]
        elif not withheld.n[group]:
            self.equal.append(([*both[0], *both[1]], int(counts.n[group])))
        if withheld.spoken[target, group]:
            self.below += [(self._sum(side, 0, None, group, -1), -MANY) for side in (0, 1)]

    def sensitive(self) -> Iterator[Terms]:
        """Yield every sum over neighbouring bands of a group that is 1 to 10 rows."""
        bands = len(self.places[0])
        for side in (0, 1):
            for first in range(bands):
                for end in range(first + 1, bands + 1):
                    sums = self.counts[side, first:end].sum(axis=0)
                    yield from (self._sum(side, first, end, g) for g in self.groups if sums[g] in SMALL)
