"""Attributes that cut the same column: their groups lie in each other, so that counts can be subtracted."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np

Row = dict[str, Any]


def nested(attributes: list[Row]) -> list[str]:
    """Name the attributes of which nothing can be told: with an earlier one of their column they tell a small count.

    The rows older than 60 less those older than 65 are those between. Where intersections are told, they hold these
    rows as groups, which are then looked after as all others.
    """
    if any(part["kind"] == "intersection" for part in attributes):
        return []
    kept: list[Row] = []
    gone: list[str] = []
    for part in attributes:
        fits = all(_fit(part, one) for one in kept if one["columns"] == part["columns"])
        kept += [part] if fits else []
        gone += [] if fits else [part["name"]]
    return gone


def _fit(part: Row, one: Row) -> bool:
    return not is_close(_totals(part), _totals(one))


def _totals(part: Row) -> dict[str, list[int]]:
    """Count rows, positives and negatives of each level."""
    return {
        level["group"]: [
            level["n"],
            *level["positives"].values(),
            *(level["n"] - p for p in level["positives"].values()),
        ]
        for level in part["levels"]
    }


def is_close(one: dict[str, list[int]], two: dict[str, list[int]]) -> bool:
    """Tell whether counts up to a cut of either attribute, less those up to another, are 1 to 10.

    Args:
        one: counts of each level of an attribute, by its name.
        two: of another of the same column.
    """
    points = [*_summed(one), *_summed(two)]
    return any(1 <= abs(a - b) <= 10 for pair in combinations(points, 2) for a, b in zip(*pair, strict=True))


def _summed(levels: dict[str, list[int]]) -> list[list[int]]:
    """Add counts up over the levels that are numbers or ranges of them, lowest first."""
    known = [(place, counts) for name, counts in levels.items() if (place := upper(name)) is not None]
    rows = [counts for _, counts in sorted(known, key=lambda item: item[0])]
    return np.cumsum(np.array(rows), axis=0).tolist() if rows else []


def upper(name: str) -> float | None:
    """Read the upper end off a level's name: `<=60`, `(60,70]`, `>70` or a number; None of any other."""
    if name.startswith(">"):
        return math.inf
    text = name.removeprefix("<=") if not name.endswith("]") else name[:-1].split(",")[-1]
    try:
        return float(text)
    except ValueError:
        return None
