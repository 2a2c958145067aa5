"""AUCs and counts of weighted rows, for many vectors of weights, from one sort."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metrics.rates import ratio

Place = slice | np.ndarray
Cut = float | np.ndarray


@dataclass(frozen=True)
class Column:
    """Where the rows of a group (or of the split) lie among the sorted rows, scores ascending within a class.

    Args:
        negatives: places of the negatives, [n_negative].
        positives: places of the positives, [n_positive].
        below: negatives scored strictly below each positive, [n_positive].
        not_above: negatives not scored above each positive; None where no positive ties with a negative.
        negative_cuts: for each cut the negatives below it, or 0/1 decisions on the negatives.
        positive_cuts: the same for the positives.
    """

    negatives: Place
    positives: Place
    below: np.ndarray
    not_above: np.ndarray | None
    negative_cuts: list[int | np.ndarray]
    positive_cuts: list[int | np.ndarray]


def sorted_columns(cells: np.ndarray, scores: np.ndarray, cuts: list[Cut], n_groups: int) -> list[Column]:
    """Find the column of each group, and last that of the split.

    Args:
        cells: group x label code of each row, 2 * group + label, ascending, [n].
        scores: in the same order, [n]; they need not be sorted within a cell.
        cuts: thresholds of the scores, or decisions by row, bool [n].
    """
    edges = np.searchsorted(cells, np.arange(2 * n_groups + 1))
    slices = [slice(int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    ordered: list[Place] = list(slices)
    if not ((np.diff(scores) >= 0) | (np.diff(cells) > 0)).all():
        by_cell = np.lexsort((scores, cells))
        ordered = [by_cell[place] for place in slices]
    places = list(zip(ordered[::2], ordered[1::2], strict=True))
    by_score = np.argsort(scores, kind="stable")
    positive = cells[by_score] % 2 == 1
    places.append((by_score[~positive], by_score[positive]))
    return [_column(scores, *place, cuts) for place in places]


def _column(scores: np.ndarray, negatives: Place, positives: Place, cuts: list[Cut]) -> Column:
    low, high = scores[negatives], scores[positives]
    below, not_above = np.searchsorted(low, high, "left"), np.searchsorted(low, high, "right")
    return Column(
        negatives,
        positives,
        below,
        None if np.array_equal(below, not_above) else not_above,
        [_cut(cut, low, negatives) for cut in cuts],
        [_cut(cut, high, positives) for cut in cuts],
    )


def _cut(cut: Cut, scores: np.ndarray, place: Place) -> int | np.ndarray:
    if isinstance(cut, np.ndarray):
        decisions: np.ndarray = cut[place].astype(np.int64)
        return decisions
    return int(np.searchsorted(scores, cut, "left"))


def weighted_counts(weights: np.ndarray, columns: list[Column]) -> list[np.ndarray]:
    """Compute AUCs and counts under each vector of weights.

    The AUC is the weighted Mann-Whitney statistic, counted in whole numbers and so exact under ties.

    Args:
        weights: of the sorted rows, int [chunk, n].

    Returns:
        AUC [chunk, n_columns], true and false positives [chunk, n_cuts, n_columns], positives and negatives
        [chunk, n_columns].
    """
    parts = [_counts(_at(weights, c.negatives), _at(weights, c.positives), c) for c in columns]
    return [np.stack(arrays, axis=-1) for arrays in zip(*parts, strict=True)]


def _at(weights: np.ndarray, place: Place) -> np.ndarray:
    return weights[:, place] if isinstance(place, slice) else weights.take(place, axis=1)


def _counts(negative: np.ndarray, positive: np.ndarray, column: Column) -> tuple[np.ndarray, ...]:
    """Compute AUC and counts of one column from its weights, [chunk, negatives] and [chunk, positives]."""
    drawn, hits = _running(negative), _running(positive)
    wins = drawn.take(column.below, axis=1)
    wins += wins if column.not_above is None else drawn.take(column.not_above, axis=1)
    auc = ratio(np.einsum("rp,rp->r", wins, positive), 2 * hits[:, -1] * drawn[:, -1])
    true_positives = _selected(positive, hits, column.positive_cuts)
    false_positives = _selected(negative, drawn, column.negative_cuts)
    return auc, true_positives, false_positives, hits[:, -1], drawn[:, -1]


def _selected(weights: np.ndarray, running: np.ndarray, cuts: list[int | np.ndarray]) -> np.ndarray:
    """Sum the weights of the rows predicted 1 at each cut, [chunk, n_cuts]."""
    out = np.empty((len(weights), len(cuts)), dtype=np.int64)
    for place, cut in enumerate(cuts):
        out[:, place] = weights @ cut if isinstance(cut, np.ndarray) else running[:, -1] - running[:, cut]
    return out


def _running(weights: np.ndarray) -> np.ndarray:
    """Sum weights up to before each place, [chunk, n] -> [chunk, n + 1]."""
    out = np.empty((weights.shape[0], weights.shape[1] + 1), dtype=np.int64)
    out[:, 0] = 0
    np.cumsum(weights, axis=1, out=out[:, 1:])
    return out
