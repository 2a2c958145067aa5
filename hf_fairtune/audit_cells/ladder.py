"""The cuts of one group's scores at which its counts are told."""

from __future__ import annotations

from .discordant import fitting, is_narrow
from .protect import WIDTH
from .ranges import SMALL


class Ladder:
    """Positives and negatives of a group above each told cut: no two counts of a side are 1 to 10 apart.

    Cuts of one score lie in each other, so that the difference of two counts counts the rows between the cuts. Below
    all cuts are all rows, above all are none.

    Args:
        auc: of the group, where it is told.
    """

    def __init__(self, positives: int, negatives: int, auc: float | None = None) -> None:
        self.totals, self.auc = (positives, negatives), auc
        self.sides = ({0, positives}, {0, negatives})
        self.points = {(0, 0), self.totals}
        self.halves: list[tuple[int, tuple[int, int]]] = []

    def fits(self, side: int, count: int) -> bool:
        """Tell whether positives (side 0) or negatives (1) above one more cut can be told."""
        return all(abs(count - told) not in SMALL for told in self.sides[side])

    def bares(self, side: int, both: tuple[int, int], points: set[tuple[int, int]]) -> bool:
        """Tell whether the AUC and told points leave the untold side of a cut too narrow a range.

        Args:
            side: which count is told.
            both: positives and negatives above the cut.
            points: as `self.points`.
        """
        if self.auc is None or 0 in self.totals:
            return False
        found = fitting(points, self.auc, side, both[side])
        return is_narrow(found, both[1 - side], self.sides[1 - side], WIDTH)

    def tell(self, side: int, count: int) -> None:
        """Write down that a count is told."""
        self.sides[side].add(count)

    def offer(self, hits: int, alarms: int) -> bool:
        """Tell positives and negatives above one more cut if both can be told; say whether they are."""
        fits = self.fits(0, hits) and self.fits(1, alarms)
        points = self.points | {(hits, alarms)}
        if fits and not any(self.bares(side, both, points) for side, both in self.halves):
            self.tell(0, hits)
            self.tell(1, alarms)
            self.points = points
            return True
        return False
