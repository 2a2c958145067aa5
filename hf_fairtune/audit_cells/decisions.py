"""One decision among all targets, as by the highest score: what its rates say of each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .counts import Counts
from .offers import Offer
from .protect import WIDTH

Row = dict[str, Any]
Told = dict[str, list[Offer]]


def undecided(found: Told, counts: Counts, decided: Iterable[int]) -> set[tuple[str | None, int]]:
    """Find the attributes and thresholds of which nothing may be told, as something of a target is withheld there.

    Where every row is given to one target, a row missed for one is flagged in error for another, so that the targets'
    counts give each other's away. Told is therefore both sides of all targets or nothing; and of three targets, whose
    table of confusions has but one number free, only where that leaves a range of eleven.

    Args:
        found: what each target by itself would tell.
        decided: places of the thresholds that give each row to one target.
    """
    if not counts.exhaustive:
        return set()
    gone = set()
    for place in decided:
        for attribute in {offer.attribute for some in found.values() for offer in some if offer.place == place}:
            here = [o for name in counts.targets for o in found[name] if (o.attribute, o.place) == (attribute, place)]
            if len(here) < 2 * len(counts.targets) or _pinned(here, counts):
                gone.add((attribute, place))
    return gone


def _pinned(here: list[Offer], counts: Counts) -> bool:
    """Tell whether the confusions of three targets have too narrow a range in some group.

    Args:
        here: true, then false positives of each target.
    """
    if len(counts.targets) != 3:
        return False
    groups = set.intersection(*(set(offer.counts) for offer in here))
    return any(_width([offer.counts[g] for offer in here], counts.positives[:, g].tolist()) < WIDTH for g in groups)


def _width(told: list[int], positives: list[int]) -> int:
    """Give the width of the range of each confusion: those of target 1 taken for 2 may be from `low` to `high`."""
    missed = [total - hits for total, hits in zip(positives, told[::2], strict=True)]
    alarms = told[1::2]
    low = max(0, alarms[1] - missed[2], alarms[0] + alarms[1] - missed[1] - missed[2])
    return min(missed[0], alarms[1], alarms[0] + alarms[1] - missed[2]) - low
