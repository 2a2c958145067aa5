"""Operating points: each is a count of both labels above a cut."""

from __future__ import annotations

from typing import Any

from .blank import blank
from .ladder import Ladder

Row = dict[str, Any]


def told_point(row: Row, criterion: str, ladder: Ladder | None) -> Row:
    """Blank a group's operating point whose counts cannot be told; its cut, a patient's score, is never told.

    Args:
        criterion: what is read off at which other share.
        ladder: counts told of the group, to which those of the point are added; None where all are withheld.
    """
    value, achieved = row["value"]["value"], row["achieved"]
    told = ladder is not None and None not in (value, achieved)
    if ladder is not None and told:
        positives, negatives = ladder.totals
        found, quiet = (value, achieved) if criterion.startswith("sensitivity") else (achieved, value)
        told = ladder.offer(round(found * positives), negatives - round(quiet * negatives))
    kept = ("group",) if not told and value is not None else ("group", "value", "achieved")
    return {key: item if key in kept else blank(key, item) for key, item in row.items()}
