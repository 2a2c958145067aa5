"""Curves by group: ROC, and predicted against observed (reliability)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..intervals.proportion import wilson
from ..metrics.expected_calibration_error import BINS, equal_mass_bins
from ..metrics.rows import Rows

MAX_POINTS = 200


def roc_curves(rows: Rows, max_points: int = MAX_POINTS) -> list[dict[str, Any]]:
    """Draw each group's ROC curve: "group", "n", "positives", "negatives", "fpr" and "tpr" (lists as long).

    Every vertex is an achieved point of the full curve, from (0, 0) to (1, 1); of more than `max_points` those are
    kept that divide its length most evenly. Both lists are empty for a group that lacks a class.
    """
    counts = rows.counts().tolist()
    return [
        {"group": name, "n": negatives + positives, "positives": positives, "negatives": negatives}
        | _roc(rows.labels[rows.groups == code], rows.scores[rows.groups == code], max_points)
        for code, (name, (negatives, positives)) in enumerate(zip(rows.group_names, counts, strict=True))
    ]


def _roc(labels: np.ndarray, scores: np.ndarray, max_points: int) -> dict[str, list[float]]:
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return {"fpr": [], "tpr": []}
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.r_[np.diff(scores[order]) != 0, True])  # of each run of ties
    hits = np.r_[0, np.cumsum(labels[order])[last]]
    alarms = np.r_[0, last + 1] - hits
    kept = _thinned(alarms / negatives + hits / positives, _corners(alarms, hits), max_points)
    return {"fpr": (alarms[kept] / negatives).tolist(), "tpr": (hits[kept] / positives).tolist()}


def _corners(alarms: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """Find the ends and the points where the curve turns; those between lie on straight lines. Whole numbers."""
    steps_x, steps_y = np.diff(alarms), np.diff(hits)
    turns = steps_x[1:] * steps_y[:-1] != steps_x[:-1] * steps_y[1:]
    return np.r_[0, np.flatnonzero(turns) + 1, len(hits) - 1]


def _thinned(length: np.ndarray, corners: np.ndarray, max_points: int) -> np.ndarray:
    """Keep at most `max_points` corners, both ends among them, at even steps along the curve."""
    if len(corners) <= max_points:
        return corners
    wanted = np.linspace(0, 2, max_points)
    chosen = np.searchsorted(length[corners], wanted).clip(0, len(corners) - 1)
    chosen[-1] = len(corners) - 1
    return corners[np.unique(chosen)]


def reliability_curves(rows: Rows, bins: int = BINS, confidence: float = 0.95) -> list[dict[str, Any]] | None:
    """Compare mean score and share of positives in bins of equal size: "group", "n" and "bins".

    A bin holds "mean_score", "observed" with "low" and "high" (Wilson) and "n". Where there are clusters, its
    interval counts clusters for rows, which is too wide rather than too narrow. None where scores leave [0, 1].
    """
    if rows.scores.min() < 0 or rows.scores.max() > 1:
        return None
    return [
        {
            "group": name,
            "n": int((rows.groups == code).sum()),
            "bins": _reliability(rows, rows.groups == code, bins, confidence),
        }
        for code, name in enumerate(rows.group_names)
    ]


def _reliability(rows: Rows, inside: np.ndarray, bins: int, confidence: float) -> list[dict[str, float]]:
    labels, scores = rows.labels[inside], rows.scores[inside]
    if not len(labels):
        return []
    place = equal_mass_bins(scores, bins)
    sizes, positives = np.bincount(place, minlength=bins), np.bincount(place, weights=labels, minlength=bins)
    sums = np.bincount(place, weights=scores, minlength=bins)
    clusters = None if rows.clusters is None else rows.clusters[inside]
    units = sizes if clusters is None else _clusters_by_bin(place, clusters, bins)
    return [
        _bin(int(sizes[i]), int(positives[i]), float(sums[i]), int(units[i]), confidence)
        for i in np.flatnonzero(sizes).tolist()
    ]


def _clusters_by_bin(place: np.ndarray, clusters: np.ndarray, bins: int) -> np.ndarray:
    pairs = np.unique(place * (int(clusters.max()) + 1) + clusters)
    return np.bincount(pairs // (int(clusters.max()) + 1), minlength=bins)


def _bin(n: int, positives: int, score_sum: float, units: int, confidence: float) -> dict[str, float]:
    observed = positives / n
    found = wilson(observed * units, units, confidence)
    return {"mean_score": score_sum / n, "observed": observed, "low": found.low, "high": found.high, "n": n}
