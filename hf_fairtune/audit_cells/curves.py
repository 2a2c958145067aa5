"""Curves of which every point can be told: coarse ROC curves, and reliability with merged bins."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..intervals.proportion import wilson
from .ladder import Ladder

Row = dict[str, Any]


def told_bins(bins: list[Row], ladder: Ladder, confidence: float, units: float) -> list[Row]:
    """Merge bins until the rows above each border between two can be told; none if fewer than two are left.

    Args:
        bins: lowest scores first.
        ladder: counts told of the group, to which those above the borders are added.
        confidence: of Wilson's intervals, which are computed anew.
        units: independent units a row: less than 1 where rows belong together.
    """
    sizes = np.array([one["n"] for one in bins])
    positives = np.rint([one["observed"] * one["n"] for one in bins]).astype(int)
    sums = np.array([one["mean_score"] * one["n"] for one in bins])
    borders = [len(bins)]
    for place in range(len(bins) - 1, 0, -1):
        hits = int(positives[place:].sum())
        if ladder.offer(hits, int(sizes[place:].sum()) - hits):
            borders.append(place)
    ends = [0, *borders[::-1]]
    parts = [slice(*pair) for pair in zip(ends, ends[1:], strict=False)]
    if len(parts) < 2:
        return []
    return [
        _bin(int(sizes[p].sum()), int(positives[p].sum()), float(sums[p].sum()), (confidence, units)) for p in parts
    ]


def _bin(n: int, positives: int, score_sum: float, interval: tuple[float, float]) -> Row:
    confidence, units = interval
    effective = max(1.0, n * units)
    found = wilson(positives / n * effective, effective, confidence)
    return {"mean_score": score_sum / n, "observed": positives / n, "low": found.low, "high": found.high, "n": n}


def told_roc(row: Row, ladder: Ladder) -> Row | None:
    """Keep the points of a ROC curve that can be told, with those told otherwise; None if only the ends are left.

    Args:
        row: a curve.
        ladder: counts told of the group, to which those of the curve are added.
    """
    positives, negatives = ladder.totals
    hits = np.rint(np.array(row["tpr"]) * positives).astype(int).tolist()
    alarms = np.rint(np.array(row["fpr"]) * negatives).astype(int).tolist()
    for point in zip(hits, alarms, strict=True):
        ladder.offer(*point)
    told = sorted(ladder.points)
    if not hits or len(told) < 3:
        return None
    return row | {"fpr": [b / negatives for _, b in told], "tpr": [a / positives for a, _ in told]}
