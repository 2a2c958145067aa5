"""At which cuts the confusion counts of which groups are told, so that none of 1 to 10 can be worked out."""

from __future__ import annotations

from typing import Any

import numpy as np

from .bands import Bands
from .counts import Counts, Group
from .decisions import undecided
from .exposure import any_exposed
from .halves import Halves
from .ladder import Ladder
from .nested import is_close
from .offers import SIDES, Offer, above, audits_of, is_shared, offers
from .protect import UNKNOWNS, WIDTH
from .ranges import SMALL, Withheld

Row = dict[str, Any]


class Cuts:
    """What is told of every target's groups above its cuts.

    `sides` are the sides (0: true positives and missed ones, 1: false positives and true negatives) that are told, by
    target, attribute and place of the threshold; `ladders` the counts told so far, by target, attribute and group.
    """

    def __init__(self, document: Row, counts: Counts, withheld: Withheld) -> None:
        self.sides: dict[tuple[str, str | None, int], set[int]] = {}
        self.ladders: dict[tuple[str, str | None, str], Ladder] = {}
        chosen = {name: _Target(document, counts, withheld, t) for t, name in enumerate(counts.targets)}
        found = {name: target.chosen() for name, target in chosen.items()}
        gone = undecided(found, counts, next(iter(chosen.values())).decided)
        for name, target in chosen.items():
            told = target.told([offer for offer in found[name] if (offer.attribute, offer.place) not in gone])
            for offer in told:
                self.sides.setdefault((name, offer.attribute, offer.place), set()).add(offer.side)
            for group, ladder in target.ladders.items():
                self.ladders[(name, *counts.groups[group])] = ladder

    def ladder(self, target: str, group: Group) -> Ladder | None:
        """Return the counts told of a group; None where its totals are withheld."""
        return self.ladders.get((target, *group))

    def told(self, target: str, attribute: str | None, place: int) -> set[int]:
        """Return the sides told of an attribute's groups at a threshold."""
        return self.sides.get((target, attribute, place), set())


class _Target:
    """The choice for one target."""

    def __init__(self, document: Row, counts: Counts, withheld: Withheld, target: int) -> None:
        self.withheld, self.target = withheld, target
        self.audits = audits_of(document, counts.targets[target])
        self.counts, self.closed = _few_enough(counts, len(self.audits[None]["thresholds"]))
        self.ladders: dict[int, Ladder] = {}
        single = [part for part in document["attributes"] if part["kind"] != "intersection"]
        self.columns = {part["name"]: part["columns"] for part in single if len(single) == len(document["attributes"])}
        self.chains = self._chains()

    def chosen(self) -> list[Offer]:
        """Choose all offers that fit by themselves; if that gives a count away, one by one."""
        found = self._chosen(checked=False)
        exposing = [chain for chain in self.chains if self._exposes(found, chain)]
        return self._chosen(checked=True) if exposing else found

    def _chosen(self, checked: bool) -> list[Offer]:
        groups = np.flatnonzero(~self.withheld.pairs[self.target]).tolist()
        sides = (self.counts.positives[self.target], self.counts.negatives[self.target])
        self.ladders = {g: Ladder(int(sides[0][g]), int(sides[1][g]), self._auc(g)) for g in groups}
        found: list[Offer] = []
        for offer in offers(self.audits, self.counts, self.withheld, self.target):
            if self._fits(offer, found) and not (checked and self._adds(offer, found)):
                found.append(offer)
                for group, count in offer.counts.items():
                    self.ladders[group].tell(offer.side, count)
        return found

    def _fits(self, offer: Offer, found: list[Offer]) -> bool:
        """Tell whether no count of an offer is small or near one that is told."""
        if offer.attribute in self.closed:
            return False
        if offer.shared and offer.attribute is not None and not _told(found, None, offer.place, offer.side):
            return False
        if any(self._subtracts(offer, other) for other in found):
            return False
        rest, total = offer.rest or (0, 0)
        fit = all(self.ladders[group].fits(offer.side, count) for group, count in offer.counts.items())
        return fit and rest not in SMALL and total - rest not in SMALL

    def _subtracts(self, offer: Offer, other: Offer) -> bool:
        """Tell whether two attributes that cut one column give the rows between their cuts away."""
        names = (offer.attribute, other.attribute)
        where = (offer.place, offer.side, True) == (other.place, other.side, other.shared)
        columns = [self.columns.get(name) for name in names if name]
        if not where or len(set(names)) < 2 or len(columns) < 2 or columns[0] is None or columns[0] != columns[1]:
            return False
        return is_close(*(self._split(name, offer.place, offer.side) for name in names if name))

    def _split(self, name: str, place: int, side: int) -> dict[str, list[int]]:
        """Count those above and below a cut on one side, by group of an attribute."""
        found, total = SIDES[side], ("positives", "negatives")[side]
        rows = self.audits[name]["thresholds"][place]["groups"]
        return {row["group"]: [row[found], row[total] - row[found]] for row in rows}

    def _adds(self, offer: Offer, found: list[Offer]) -> bool:
        """Tell whether an offer would give a count away together with those before."""
        return any(self._exposes([*found, offer], chain) for chain in self.chains if offer.place in chain)

    def _chains(self) -> list[list[int]]:
        """Gather shared thresholds that lie in each other, lowest cut first; decisions without a cut by themselves."""
        cuts = self.audits[None]["thresholds"]
        scored = [i for i in range(len(cuts)) if is_shared(self.audits, i) and i not in self.decided]
        scored.sort(key=lambda i: -cuts[i]["overall"]["predicted_positives"])
        return [chain for chain in (scored, *([i] for i in self.decided)) if chain]

    @property
    def decided(self) -> list[int]:
        """Place the thresholds that are decisions without a cut."""
        cuts = enumerate(self.audits[None]["thresholds"])
        return [i for i, cut in cuts if cut["value"] is None and not cut["by_group"]]

    def _exposes(self, found: list[Offer], chain: list[int]) -> bool:
        """Tell whether offers at shared thresholds give a withheld count away."""
        counts = self.counts
        values = above(self.audits, chain, counts.groups)
        told = np.zeros(values.shape, dtype=bool)
        for offer in found:
            if offer.place in chain:
                told[offer.side, chain.index(offer.place), list(offer.counts)] = True
        bands = Bands(counts, self.withheld, self.target, values, told)
        return any_exposed(bands, list(bands.sensitive()), WIDTH)

    def told(self, found: list[Offer]) -> list[Offer]:
        """Leave out the sides that give the other away; write down the points of ROC curves that are told."""
        every = list(offers(self.audits, self.counts, self.withheld, self.target))
        return Halves(every, self.counts, self.ladders, self.decided).told(found)

    def _auc(self, group: int) -> float | None:
        """Return a group's AUC, which is told where its counts are."""
        name, level = self.counts.groups[group]
        rows = {row["group"]: row["auc"] for row in self.audits[name]["groups"]} if name else {}
        found: float | None = rows.get(level) if name else self.audits[None]["auc"]["value"]
        return found


def _told(found: list[Offer], attribute: str | None, place: int, side: int) -> bool:
    return any((o.attribute, o.place, o.side) == (attribute, place, side) for o in found)


def _few_enough(counts: Counts, cuts: int) -> tuple[Counts, list[str]]:
    """Leave out intersections that are too many to be checked: of these nothing is told at any cut."""
    if 2 * (cuts + 1) * len(counts.groups) <= UNKNOWNS:
        return counts, []
    closed = counts.intersections
    for joint in closed:
        counts = counts.without(joint)
    return counts, closed
