"""What an attacker can work out: the range of a withheld count, by linear programming over all that is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .counts import Counts
from .linear import Linear

MANY = 40  # of both: 1 / (40 * 40) is less than a step of the third digit, so any numbers near give such an AUC
SMALL = range(1, 11)
Key = tuple[str, int, int]  # what is counted, of which target (-1: rows are of all), of which group


@dataclass(frozen=True)
class Withheld:
    """What is not told: rows [n_groups]; positives, negatives and all that follows from them [n_targets, n_groups].

    `spoken` are those pairs [n_targets, n_groups] whose AUC is told nonetheless, as it has so many positives and
    negatives (`MANY` each) that its three digits give none of them back.
    """

    n: np.ndarray
    pairs: np.ndarray
    spoken: np.ndarray

    def only(self, targets: list[int]) -> Withheld:
        """Keep some targets."""
        return Withheld(self.n, self.pairs[targets], self.spoken[targets])


@dataclass(frozen=True)
class Quantity:
    """One additive count of every group, [n_groups]: its values and, where it is not told, its unknown (else -1)."""

    values: np.ndarray
    unknowns: np.ndarray

    def term(self, group: int, sign: int = 1) -> tuple[list[tuple[int, int]], int]:
        """Return `sign` times a group's count as (unknown, coefficient) pairs and a known part."""
        unknown = int(self.unknowns[group])
        return ([(unknown, sign)], 0) if unknown >= 0 else ([], sign * int(self.values[group]))


class Knowledge(Linear):
    """All that is told says about the withheld counts: lines that add up, no count below 0, the largest group.

    Rows, positives, and true and false positives at every threshold are known or unknown by group; negatives are
    rows without positives.
    """

    def __init__(self, counts: Counts, withheld: Withheld) -> None:
        super().__init__()
        self.n = self._quantity(counts.n, withheld.n)
        self.positives = [self._quantity(*row) for row in zip(counts.positives, withheld.pairs, strict=True)]
        quantities = [self.n, *self.positives]
        for row in counts.numerators:
            hidden = withheld.pairs[row.target] | (row.true_positives < 0)
            true, false = (
                self._quantity(np.maximum(values, 0), hidden) for values in (row.true_positives, row.false_positives)
            )
            quantities += [true, false]
            self._numerators(row.target, true, false, np.flatnonzero(withheld.pairs[row.target]).tolist())
        for quantity in quantities:
            self._lines(counts, quantity)
        for target, positives in enumerate(self.positives):
            for group in np.flatnonzero(withheld.pairs[target]).tolist():
                self._add(self.below, [positives.term(group), self.n.term(group, -1)])
            for group in np.flatnonzero(withheld.spoken[target]).tolist():
                self._add(self.below, [positives.term(group, -1), ([], MANY)])
                self._add(self.below, [positives.term(group), self.n.term(group, -1), ([], MANY)])
        for largest, rest in counts.largest:
            # Of a group with an AUC its status is told, too, and so that it might have been the reference.
            for group in (one for one in rest if not withheld.n[one] or withheld.spoken[:, one].any()):
                self._add(self.below, [self.n.term(group), self.n.term(largest, -1)])
        if counts.exhaustive:
            for group in range(len(counts.groups)):
                self._add(self.equal, [*(p.term(group) for p in self.positives), self.n.term(group, -1)])

    def _quantity(self, values: np.ndarray, hidden: np.ndarray) -> Quantity:
        unknowns = np.full(len(values), -1)
        unknowns[hidden] = self.size + np.arange(hidden.sum())
        self.truth = np.concatenate([self.truth, values[hidden]])
        return Quantity(values, unknowns)

    def _numerators(self, target: int, true: Quantity, false: Quantity, groups: list[int]) -> None:
        """No more true positives than positives, no more false positives than negatives."""
        for group in groups:
            positives = self.positives[target]
            self._add(self.below, [true.term(group), positives.term(group, -1)])
            self._add(self.below, [false.term(group), positives.term(group), self.n.term(group, -1)])

    def _lines(self, counts: Counts, quantity: Quantity) -> None:
        for whole, parts in counts.lines:
            self._add(self.equal, [quantity.term(whole, -1), *(quantity.term(part) for part in parts)])

    @staticmethod
    def _add(into: list[tuple[list[tuple[int, int]], int]], terms: list[tuple[list[tuple[int, int]], int]]) -> None:
        unknown = [item for found, _ in terms for item in found]
        if unknown:
            into.append((unknown, -sum(known for _, known in terms)))

    def sensitive(self, counts: Counts, withheld: Withheld) -> Iterator[tuple[Key, list[tuple[int, int]]]]:
        """Yield every withheld count of 1 to 10 with its terms; rows first."""
        for group in np.flatnonzero(withheld.n & small(counts.n)).tolist():
            yield ("rows", -1, group), self.n.term(group)[0]
        for target, group in np.argwhere(withheld.pairs).tolist():
            positives = self.positives[target]
            if small(counts.positives[target, group]):
                yield ("positives", target, group), positives.term(group)[0]
            if small(counts.negatives[target, group]):
                terms = [*self.n.term(group)[0], *positives.term(group, -1)[0]]
                yield ("negatives", target, group), terms


def small(values: np.ndarray) -> np.ndarray:
    """Tell which counts are of 1 to 10."""
    return (values >= 1) & (values <= 10)
