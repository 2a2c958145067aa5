"""The counts at the cuts of an audit, as they are told: those of an attribute's groups on one side, or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .counts import EVERYONE, Counts, Group
from .ranges import Withheld

SIDES = ("true_positives", "false_positives")
Row = dict[str, Any]


@dataclass(frozen=True)
class Offer:
    """Counts above one threshold that are told together or not at all.

    Args:
        attribute: whose groups are counted; None for all rows.
        place: of the threshold among the audit's.
        side: 0 for true positives, 1 for false positives.
        shared: whether all groups have this cut, so that counts add up.
        counts: of groups, by their place, those left out that are withheld.
        rest: of the withheld groups together, and their total; None where there are none, or they are to be had from
            shared cuts.
    """

    attribute: str | None
    place: int
    side: int
    shared: bool
    counts: dict[int, int]
    rest: tuple[int, int] | None


def audits_of(document: Row, target: str) -> dict[str | None, Row]:
    """Gather the audits of a target by attribute; that of all rows, first, by None."""
    found: dict[str | None, Row] = {e["attribute"]: e["audit"] for e in document["audits"] if e["target"] == target}
    return {None: next(e["audit"] for e in document["overall"] if e["target"] == target)} | found


def offers(audits: dict[str | None, Row], counts: Counts, withheld: Withheld, target: int) -> Iterator[Offer]:
    """Yield what may be told of a target: the threshold that tells most first, all rows before their groups."""
    groups = {group: place for place, group in enumerate(counts.groups)}
    cuts = audits[None]["thresholds"]
    for place in sorted(range(len(cuts)), key=lambda i: _rank(cuts[i])):
        shared = is_shared(audits, place)
        for side in (0, 1):
            for attribute, audit in audits.items():
                cut = audit["thresholds"][place]
                held = _rows(cut, attribute, shared)
                known = {groups[group]: row[SIDES[side]] for group, row in held.items() if group in groups}
                told = {group: count for group, count in known.items() if not withheld.pairs[target, group]}
                rest = None if shared else _rest(counts, withheld, target, (side, known))
                if any(counts.groups[group][0] == attribute for group in told):
                    yield Offer(attribute, place, side, shared, told, rest)


def _rank(cut: Row) -> tuple[bool, bool, bool]:
    return bool(cut["degenerate"]), bool(cut["by_group"]), not cut["fitted_on"]


def _rows(cut: Row, attribute: str | None, shared: bool) -> dict[Group, Row]:
    """Gather rows by group; with them the sum over groups that each have their own cut."""
    rows = {EVERYONE: cut["overall"]} if attribute is None or not shared else {}
    return rows | ({} if attribute is None else {(attribute, row["group"]): row for row in cut["groups"]})


def _rest(
    counts: Counts, withheld: Withheld, target: int, known: tuple[int, dict[int, int]]
) -> tuple[int, int] | None:
    side, rows = known
    gone = [group for group in rows if withheld.pairs[target, group]]
    totals = (counts.positives, counts.negatives)[side][target]
    return (sum(rows[group] for group in gone), int(totals[gone].sum())) if gone else None


def is_shared(audits: dict[str | None, Row], place: int) -> bool:
    """Tell whether a threshold is one cut for all groups of all attributes."""
    own = [audit["thresholds"][place]["by_group"] for audit in audits.values()]
    return not any(own) or len({value for cuts in own for value in (cuts or {}).values()}) == 1


def above(audits: dict[str | None, Row], places: list[int], groups: list[Group]) -> np.ndarray:
    """Count true and false positives of every group at shared thresholds, [2, len(places), n_groups]; 0 if unknown."""
    rows = [
        {group: row for attribute, audit in audits.items() for group, row in _rows_at(audit, attribute, i).items()}
        for i in places
    ]
    return np.array([[[row[g][key] if g in row else 0 for g in groups] for row in rows] for key in SIDES])


def _rows_at(audit: Row, attribute: str | None, place: int) -> dict[Group, Row]:
    return _rows(audit["thresholds"][place], attribute, True)
