"""Bootstrap of all metrics at once: every number of a replicate comes from the same resample."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from tqdm.auto import tqdm

from ...errors import FairTuneError
from .proportions import ratio
from .resampling import plan
from .rows import ScoredRows

# A thread holds the weights of one part and a few arrays like them: at 1,000,000 rows about 50 MB.
MOST_THREADS = 4
# Seconds before a progress bar shows.
PATIENCE = 3.0
BLIND = 1e-12

Cut = float | np.ndarray
# Labels [n], scores [n] ascending, and weights [..., n] -> a number for each vector of weights, [...].
Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Counter = Callable[[np.ndarray], list[np.ndarray]]


@dataclass(frozen=True)
class Replicates:
    """AUCs, counts and measures of each replicate; an AUC is NaN where a resample left it undefined.

    Shapes: auc and each of `measures` are [n_boot, n_groups + 1], `counts` [4, n_boot, n_cuts, n_groups + 1] the cells
    of `proportions.CELLS`. The last column is the whole split.
    """

    auc: np.ndarray
    counts: np.ndarray
    method: str
    measures: dict[str, np.ndarray] = field(default_factory=dict)

    def worst_shares(self, included: Sequence[int]) -> np.ndarray:
        """Compute in what share of the resamples each group has the lowest AUC of the groups `included`.

        Groups that tie for the lowest share the resample equally. Resamples in which an included group has no AUC are
        left out.

        Args:
            included: codes of the groups that take part.

        Returns:
            [n_groups]; NaN for a group that takes no part, for all where no resample has every AUC, and for a group
            that takes part alone.
        """
        shares = np.full(self.auc.shape[1] - 1, np.nan)
        aucs = self.auc[:, list(included)]
        aucs = aucs[~np.isnan(aucs).any(axis=1)]
        if len(aucs) and len(included) > 1:
            lowest = aucs == aucs.min(axis=1, keepdims=True)
            shares[list(included)] = (lowest / lowest.sum(axis=1, keepdims=True)).mean(axis=0)
        return shares


def bootstrap(
    rows: ScoredRows,
    cuts: Sequence[Cut] = (),
    n_boot: int = 2000,
    seed: int = 0,
    measures: Mapping[str, Measure] | None = None,
) -> Replicates:
    """Resample the rows and compute every metric of every replicate.

    Rows are sorted once. A replicate is a vector of multinomial weights, and its AUCs are weighted Mann-Whitney counts
    in whole numbers, exact under ties. Without clusters the group x label counts stay as observed: intervals are
    conditional on them. With clusters, whole clusters are drawn (see `plan`).

    Args:
        rows: the scored rows.
        cuts: for the rates, each a threshold of the scores, or decisions by row (bool or 0/1, [n]).
        n_boot: replicates.
        seed: of the generator; the same seed gives the same replicates, whatever the order of the rows.
        measures: further numbers by name.

    Raises:
        FairTuneError: a cut is NaN, or has another shape.
    """
    return joint_bootstrap([rows], [cuts], n_boot, seed, measures)[0]


def joint_bootstrap(
    models: Sequence[ScoredRows],
    cuts: Sequence[Sequence[Cut]],
    n_boot: int = 2000,
    seed: int = 0,
    measures: Mapping[str, Measure] | None = None,
) -> list[Replicates]:
    """Resample the rows once for several models: replicate i of each comes from the same resample.

    Args:
        models: the same rows in the same order, each with one model's scores.
        cuts: of each model: thresholds of its own scores, or its decisions by row.
        n_boot: replicates.
        seed: of the generator; neither the order of the rows nor that of the models changes the resamples, and with
            one model they are those of `bootstrap`.
        measures: further numbers by name.

    Raises:
        FairTuneError: as `bootstrap`.
    """
    named = measures or {}
    order = _order(models, cuts)
    counters = [
        _counter(model.take(order), [_decisions(cut, model)[order] for cut in own], list(named.values()))
        for model, own in zip(models, cuts, strict=True)
    ]
    first = models[0].take(order)
    resampling = plan(first.groups * 2 + first.labels, first.clusters)

    def counted(part: range) -> list[list[np.ndarray]]:
        weights = resampling.draw(part, seed)
        return [counter(weights) for counter in counters]

    parts, chunks = resampling.parts(n_boot), []
    workers = max(1, min(len(parts), os.cpu_count() or 1, MOST_THREADS))
    with (
        ThreadPoolExecutor(workers) as pool,
        tqdm(total=n_boot, desc="Bootstrap", unit="replicate", disable=None, delay=PATIENCE, leave=False) as bar,
    ):
        for part, numbers in zip(parts, pool.map(counted, parts), strict=True):
            chunks.append(numbers)
            bar.update(len(part))
    found = []
    for numbers in zip(*chunks, strict=True):
        auc, counts, *own = (np.concatenate(arrays) for arrays in zip(*numbers, strict=True))
        measured = dict(zip(named, own, strict=True))
        found.append(Replicates(auc, np.moveaxis(counts, 1, 0), resampling.method, measured))
    return found


def _decisions(cut: Cut, rows: ScoredRows) -> np.ndarray:
    """Return what a cut decides by row, bool [n]."""
    if isinstance(cut, np.ndarray) and cut.shape == rows.scores.shape:
        return np.asarray(cut == 1)
    if isinstance(cut, np.ndarray) or np.isnan(cut):
        name = f"an array of shape {cut.shape}" if isinstance(cut, np.ndarray) else "NaN"
        raise FairTuneError(
            f"A cut is {name}; pass a threshold of the scores, or one decision for each of {len(rows.scores)} rows."
        )
    return np.asarray(rows.scores >= cut)


def _order(models: Sequence[ScoredRows], cuts: Sequence[Sequence[Cut]]) -> np.ndarray:
    """Sort rows by cell, scores and decisions: rows that tie agree in all, so their order in the input is no matter."""
    cells = models[0].groups * 2 + models[0].labels
    keys = [
        (model.scores, *(cut == 1 for cut in own if isinstance(cut, np.ndarray)))
        for model, own in zip(models, cuts, strict=True)
    ]
    if len(keys) > 1:
        keys.sort(key=lambda own: [key[np.lexsort((*reversed(own), cells))].tolist() for key in own])
    decisions = [key for own in keys for key in own[1:]]
    return np.lexsort((*decisions, *[own[0] for own in reversed(keys)], cells))


def _counter(rows: ScoredRows, decisions: list[np.ndarray], measures: list[Measure]) -> Counter:
    """Prepare rows sorted by group and label, so that AUCs, counts and measures follow from weights in few passes.

    Returns:
        Weights [chunk, n] -> AUCs [chunk, n_groups + 1], counts [chunk, 4, n_cuts, n_groups + 1], and each measure
        [chunk, n_groups + 1].
    """
    size, cells = len(rows.group_names), rows.groups * 2 + rows.labels
    by_group = _ranking(rows.labels, rows.scores, rows.groups, size)
    whole = _ranking(rows.labels, rows.scores, np.zeros_like(rows.groups), 1)
    flagged = [np.flatnonzero(chosen) for chosen in decisions]
    edges = [np.searchsorted(cells[places], np.arange(2 * size + 1)) for places in flagged]
    ascending = np.argsort(rows.scores, kind="stable")
    columns = [*(ascending[rows.groups[ascending] == code] for code in range(size)), ascending] if measures else []

    def count(weights: np.ndarray) -> list[np.ndarray]:
        aucs, totals = by_group(weights)
        counts = np.empty((len(weights), 4, len(flagged), size + 1), dtype=np.int64)
        for place, (chosen, ends) in enumerate(zip(flagged, edges, strict=True)):
            running = _running(weights.take(chosen, axis=1))
            hits = (running[:, ends[1:]] - running[:, ends[:-1]]).reshape(-1, size, 2)
            for label in (0, 1):
                counts[:, 2 * label, place, :-1] = totals[..., label] - hits[..., label]
                counts[:, 2 * label + 1, place, :-1] = hits[..., label]
        counts[..., -1] = counts[..., :-1].sum(axis=-1)
        found = [np.column_stack([aucs, whole(weights)[0]]), counts]
        drawn = [weights.take(places, axis=1) for places in columns]
        for measure in measures:
            values = [measure(rows.labels[c], rows.scores[c], w) for c, w in zip(columns, drawn, strict=True)]
            found.append(np.stack(values, axis=-1))
        return found

    return count


def _ranking(
    labels: np.ndarray, scores: np.ndarray, codes: np.ndarray, size: int
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Sort rows by code, label and score, and find the negatives of its code that each positive scores above.

    Returns:
        Weights [chunk, n] -> AUCs [chunk, size], the weighted Mann-Whitney statistic counted in whole numbers, and
        negatives and positives drawn, [chunk, size, 2].
    """
    order = np.lexsort((scores, labels, codes))
    edges = np.searchsorted((codes * 2 + labels)[order], np.arange(2 * size + 1))
    starts, positives = edges[:-1:2], order[labels[order] == 1]
    below, not_above = np.empty((2, len(positives)), dtype=np.int64)
    ends = np.append(0, np.cumsum(edges[2::2] - edges[1::2]))
    for code in range(size):
        low, high = scores[order[edges[2 * code] : edges[2 * code + 1]]], slice(ends[code], ends[code + 1])
        below[high] = starts[code] + np.searchsorted(low, scores[positives[high]], "left")
        not_above[high] = starts[code] + np.searchsorted(low, scores[positives[high]], "right")
    in_order, tied = bool((order == np.arange(len(order))).all()), not np.array_equal(below, not_above)

    def rank(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        drawn = _running(weights if in_order else weights.take(order, axis=1))
        wins = drawn.take(below, axis=1)
        wins += drawn.take(not_above, axis=1) if tied else wins
        wins *= weights.take(positives, axis=1)
        totals = (drawn[:, edges[1:]] - drawn[:, edges[:-1]]).reshape(-1, size, 2)
        won = _running(wins)
        sums = won[:, ends[1:]] - won[:, ends[:-1]] - 2 * drawn[:, starts] * totals[..., 1]
        return ratio(sums, 2 * totals[..., 0] * totals[..., 1]), totals

    return rank


def _running(weights: np.ndarray) -> np.ndarray:
    """Sum weights up to before each place, [chunk, n] -> [chunk, n + 1]."""
    out = np.zeros((weights.shape[0], weights.shape[1] + 1), dtype=np.int64)
    np.cumsum(weights, axis=1, out=out[:, 1:])
    return out
