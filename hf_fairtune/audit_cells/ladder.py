"""The cuts of one group's scores at which its counts are told."""

from __future__ import annotations

from .ranges import SMALL


class Ladder:
    """Positives and negatives of a group above each told cut: no two counts of a side are 1 to 10 apart.

    Cuts of one score lie in each other, so that the difference of two counts counts the rows between the cuts. Below
    all cuts are all rows, above all are none.
    """

    def __init__(self, positives: int, negatives: int) -> None:
        self.totals = (positives, negatives)
        self.sides = ({0, positives}, {0, negatives})
        self.points = {(0, 0), self.totals}

    def fits(self, side: int, count: int) -> bool:
        """Tell whether positives (side 0) or negatives (1) above one more cut can be told."""
        return all(abs(count - told) not in SMALL for told in self.sides[side])

    def tell(self, side: int, count: int) -> None:
        """Write down that a count is told."""
        self.sides[side].add(count)

    def offer(self, hits: int, alarms: int) -> bool:
        """Tell positives and negatives above one more cut if both can be told; say whether they are."""
        fits = self.fits(0, hits) and self.fits(1, alarms)
        if fits:
            self.tell(0, hits)
            self.tell(1, alarms)
            self.points.add((hits, alarms))
        return fits
