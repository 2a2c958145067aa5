"""Bootstrap of all metrics at once: every number of a replicate comes from the same resample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..metrics.rates import ratio
from ..metrics.rows import Rows
from .resampling import plan


@dataclass(frozen=True)
class Replicates:
    """Metrics of each replicate; NaN where a resample left one undefined.

    Shapes: auc is [n_boot, n_groups + 1]; tpr, fpr and selection_rate are [n_boot, n_cuts, n_groups + 1]. The last
    column is the whole split.
    """

    auc: np.ndarray
    tpr: np.ndarray
    fpr: np.ndarray
    selection_rate: np.ndarray
    method: str


@dataclass(frozen=True)
class _Column:
    """Where the rows of a group (or of the split) lie among the sorted rows, scores ascending within a class."""

    negatives: slice | np.ndarray
    positives: slice | np.ndarray
    below: np.ndarray  # negatives scored strictly below each positive
    not_above: np.ndarray  # and those not above it; they differ by the ties
    negative_cuts: np.ndarray  # negatives below each cut
    positive_cuts: np.ndarray


def bootstrap(rows: Rows, cuts: Sequence[float] = (), n_boot: int = 2000, seed: int = 0) -> Replicates:
    """Resample the rows and compute every metric of every replicate.

    Rows are sorted once. A replicate is a vector of multinomial weights, and its AUCs are weighted Mann-Whitney counts
    in whole numbers, exact under ties. Without clusters the group x label counts stay as observed: intervals are
    conditional on them. With clusters, whole clusters are drawn (see `plan`).

    Args:
        rows: the scored rows.
        cuts: thresholds of the scores for the rates.
        n_boot: replicates.
        seed: of the generator; the same seed gives the same replicates, whatever the order of the rows.
    """
    (found,) = joint_bootstrap([rows], [cuts], n_boot, seed)
    return found


def joint_bootstrap(
    models: Sequence[Rows], cuts: Sequence[Sequence[float]], n_boot: int = 2000, seed: int = 0
) -> list[Replicates]:
    """Resample the rows once for several models: replicate i of each comes from the same resample.

    Args:
        models: the same rows in the same order, each with one model's scores.
        cuts: thresholds of each model's own scores.
        n_boot: replicates.
        seed: of the generator; neither the order of the rows nor that of the models changes the resamples, and with
            one model they are those of `bootstrap`.
    """
    rows = models[0]
    cells = rows.groups * 2 + rows.labels
    # Rows that tie in this order agree in every score, so it does not matter how they were given.
    keys = sorted((model.scores for model in models), key=lambda scores: scores[np.lexsort((scores, cells))].tolist())
    order = np.lexsort((*reversed(keys), cells))
    resampling = plan(cells[order], None if rows.clusters is None else rows.clusters[order])
    columns = [
        _columns(cells[order], model.scores[order], np.asarray(own, dtype=np.float64), len(rows.group_names))
        for model, own in zip(models, cuts, strict=True)
    ]
    chunks = [[_chunk(weights, own) for own in columns] for weights in resampling.weights(n_boot, seed)]
    return [_replicates(parts, resampling.method) for parts in zip(*chunks, strict=True)]


def _replicates(parts: Sequence[list[np.ndarray]], method: str) -> Replicates:
    auc, tpr, fpr, selection_rate = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Replicates(auc, tpr, fpr, selection_rate, method)


def _columns(cells: np.ndarray, scores: np.ndarray, cuts: np.ndarray, n_groups: int) -> list[_Column]:
    """Find the columns of one model; rows come sorted by cell, but by score within a cell only for the first model."""
    edges = np.searchsorted(cells, np.arange(2 * n_groups + 1))
    by_cell = np.lexsort((scores, cells))
    in_place = np.array_equal(by_cell, np.arange(len(cells)))
    slices = [slice(int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    ordered = [place if in_place else by_cell[place] for place in slices]
    places: list[tuple[slice | np.ndarray, slice | np.ndarray]] = list(zip(ordered[::2], ordered[1::2], strict=True))
    by_score = np.argsort(scores, kind="stable")
    places.append((by_score[cells[by_score] % 2 == 0], by_score[cells[by_score] % 2 == 1]))
    return [_column(scores, *place, cuts) for place in places]


def _column(
    scores: np.ndarray, negatives: slice | np.ndarray, positives: slice | np.ndarray, cuts: np.ndarray
) -> _Column:
    low, high = scores[negatives], scores[positives]
    return _Column(
        negatives,
        positives,
        np.searchsorted(low, high, "left"),
        np.searchsorted(low, high, "right"),
        np.searchsorted(low, cuts, "left"),
        np.searchsorted(high, cuts, "left"),
    )


def _chunk(weights: np.ndarray, columns: list[_Column]) -> list[np.ndarray]:
    """Compute auc, tpr, fpr and selection rate of a chunk of replicates, shapes as in `Replicates`."""
    parts = [_metrics(weights[:, c.negatives], weights[:, c.positives], c) for c in columns]
    return [np.stack(arrays, axis=-1) for arrays in zip(*parts, strict=True)]


def _metrics(negative: np.ndarray, positive: np.ndarray, column: _Column) -> tuple[np.ndarray, ...]:
    """Compute the metrics of one column from its weights, [chunk, negatives] and [chunk, positives]."""
    drawn = _running(negative)
    total, hits = drawn[:, -1:], _running(positive)
    wins = drawn[:, column.below]
    wins = wins + (wins if np.array_equal(column.below, column.not_above) else drawn[:, column.not_above])
    auc = ratio(np.einsum("rp,rp->r", wins, positive), 2 * hits[:, -1] * total[:, 0])
    false_positives = total - drawn[:, column.negative_cuts]
    true_positives = hits[:, -1:] - hits[:, column.positive_cuts]
    selected = ratio(true_positives + false_positives, hits[:, -1:] + total)
    return auc, ratio(true_positives, hits[:, -1:]), ratio(false_positives, total), selected


def _running(weights: np.ndarray) -> np.ndarray:
    """Sum weights up to before each place, [chunk, n] -> [chunk, n + 1]."""
    out = np.zeros((weights.shape[0], weights.shape[1] + 1), dtype=np.int64)
    np.cumsum(weights, axis=1, out=out[:, 1:])
    return out


def percentile_interval(values: np.ndarray, confidence: float) -> tuple[float, float, str | None]:
    """Compute the percentile interval of a statistic's replicates, [n_boot].

    Returns:
        Low, high and a reason: how many replicates were undefined and left out, or why there is no interval. Where
        every replicate is the same, as at an AUC of 1, the bootstrap is blind, not certain: NaN.
    """
    defined = values[~np.isnan(values)]
    if not defined.size:
        return float("nan"), float("nan"), "no interval: undefined in every resample"
    if np.ptp(defined) < 1e-12:
        return float("nan"), float("nan"), "no interval: the same value in every resample"
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    lost = values.size - defined.size
    return float(low), float(high), f"undefined in {lost} of {values.size} resamples" if lost else None
