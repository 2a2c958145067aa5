"""Sides of cuts that are told alone: none whose other side the AUC would give away."""

from __future__ import annotations

from collections.abc import Iterator

from .counts import EVERYONE, Counts
from .ladder import Ladder
from .offers import Offer

Place = tuple[str | None, int, int]  # attribute, place of the threshold, side
Both = dict[Place, Offer]


class Halves:
    """The sides of one target's cuts that are told, each of all groups of an attribute.

    Args:
        offered: counts of both sides of all attributes at all cuts, told or not.
        ladders: of the groups whose totals are told.
        decided: thresholds that are no cut of the score, of which the AUC says nothing.
    """

    def __init__(self, offered: list[Offer], counts: Counts, ladders: dict[int, Ladder], decided: list[int]) -> None:
        self.offered: Both = {_place(offer): offer for offer in offered}
        self.counts, self.ladders, self.decided = counts, ladders, decided

    def told(self, found: list[Offer]) -> list[Offer]:
        """Leave out what would give an untold side away, until nothing does; write the points and halves left down."""
        while gone := self._gone(found):
            found = [offer for offer in found if _place(offer) not in gone]
        for group, ladder in self.ladders.items():
            ladder.points |= {both for *_, both in self._pairs(found, group)}
            ladder.halves += [(side, both) for _, side, both in self._alone(found, group)]
        return found

    def _gone(self, found: list[Offer]) -> set[Place]:
        gone: set[Place] = set()
        for group, ladder in self.ladders.items():
            points = ladder.points | {both for *_, both in self._pairs(found, group)}
            alone = self._alone(found, group)
            gone |= {place for place, side, both in alone if ladder.bares(side, both, points)}
        return self._closed(gone)

    def _closed(self, gone: set[Place]) -> set[Place]:
        """Add what adds up to what is gone: cells of its groups, groups of all rows."""
        lines = {(self._name(whole), self._name(part)) for whole, parts in self.counts.lines for part in parts}
        before = None
        while before != gone:
            before = set(gone)
            gone |= {(part, cut, side) for name, cut, side in before for whole, part in lines if whole == name}
        return gone

    def _name(self, group: int) -> str | None:
        return self.counts.groups[group][0]

    def _cuts(self, found: list[Offer], group: int) -> Iterator[tuple[Place, tuple[int, int], bool]]:
        """Yield the told sides of a group at cuts of its score, both counts there, and whether both are told."""
        places = {_place(offer) for offer in found}
        for name, cut, side in places:
            sides = [self.offered.get((name, cut, one)) for one in (0, 1)]
            both = [offer.counts[group] for offer in sides if offer and group in offer.counts]
            summed = self.counts.groups[group] == EVERYONE and name is not None
            if len(both) == 2 and not summed and cut not in self.decided and self._name(group) == name:
                yield (name, cut, side), (both[0], both[1]), (name, cut, 1 - side) in places

    def _pairs(self, found: list[Offer], group: int) -> list[tuple[Place, tuple[int, int]]]:
        return [(place, both) for place, both, whole in self._cuts(found, group) if whole]

    def _alone(self, found: list[Offer], group: int) -> list[tuple[Place, int, tuple[int, int]]]:
        return [(place, place[2], both) for place, both, whole in self._cuts(found, group) if not whole]


def _place(offer: Offer) -> Place:
    return offer.attribute, offer.place, offer.side
