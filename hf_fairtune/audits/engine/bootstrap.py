"""Bootstrap of all metrics at once: every number of a replicate comes from the same resample."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from ...progress import Progress
from .proportions import ratio, total
from .resampling import plan
from .rows import ScoredRows

# A thread holds the weights of one part and a few arrays like them, about so many bytes a row and replicate.
MOST_THREADS, BYTES_A_ROW, MOST_BYTES = 4, 60, 6 * 10**8
# A number that varies less over the replicates does not vary.
BLIND = 1e-12
# A step of weights, which lie below 1, is 2 to the power of minus this.
STEPS = 30

# Labels [n] and scores [n] ascending -> what makes of weights [..., n] a number for each vector of them, [...].
Measure = Callable[[np.ndarray, np.ndarray], Callable[[np.ndarray], np.ndarray]]


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
        """Compute in what share of the resamples each group has the lowest AUC of the groups `included`, [n_groups].

        Groups that tie for the lowest share the resample equally. Resamples in which an included group has no AUC are
        left out. NaN for a group that takes no part or takes part alone, and where no resample has every AUC.
        """
        shares = np.full(self.auc.shape[1] - 1, np.nan)
        aucs = self.auc[:, list(included)]
        aucs = aucs[~np.isnan(aucs).any(axis=1)]
        if len(aucs) and len(included) > 1:
            lowest = aucs == aucs.min(axis=1, keepdims=True)
            shares[list(included)] = (lowest / lowest.sum(axis=1, keepdims=True)).mean(axis=0)
        return shares


def bootstrap(
    models: Sequence[ScoredRows],
    decisions: Sequence[np.ndarray],
    n_boot: int = 2000,
    seed: int = 0,
    measures: Mapping[str, Measure] | None = None,
) -> list[Replicates]:
    """Resample the rows once for one or several models and compute every metric of every replicate.

    Rows are sorted once. A replicate is a vector of multinomial weights, and its AUCs are weighted Mann-Whitney counts
    in whole numbers, exact under ties. Without clusters the group x label counts stay as observed: intervals are
    conditional on them. With clusters, whole clusters are drawn (see `plan`). A row's own weight multiplies those of
    the resample. A seed gives the same replicates, whatever the order of rows and models.

    Models are the same rows in the same order, decisions of each model at each cut, 0 or 1 by row, [n_cuts, n].
    """
    named, order, counters = dict(measures or {}), _order(models, decisions), []
    for model, decided in zip(models, decisions, strict=True):
        counters.append(_counter(model.take(order), decided[:, order], [*named.values()]))
    rows = models[0].take(order)
    resampling = plan(rows.groups * 2 + rows.labels, rows.clusters if rows.grouped else None)
    # In whole steps, so that sums are exact and what cancels is 0.
    own = None if rows.weights is None else np.ldexp(np.rint(np.ldexp(rows.weights, STEPS)), -STEPS)

    def counted(part: range) -> list[list[np.ndarray]]:
        drawn = resampling.draw(part, seed)
        # Half as many bytes to read; sums of pairs are made in 64 bits.
        weights = drawn.astype(np.int32) if own is None else drawn * own
        return [counter(weights) for counter in counters]

    parts, chunks, replicates = resampling.parts(n_boot), [], []
    fitting = MOST_BYTES // (BYTES_A_ROW * len(rows.labels) * max(map(len, parts), default=1))
    workers = max(1, min(len(parts), os.cpu_count() or 1, MOST_THREADS, fitting))
    with (
        ThreadPoolExecutor(workers) as pool,
        Progress("Bootstrap", n_boot, "replicate") as bar,
    ):
        for part, found in zip(parts, pool.map(counted, parts), strict=True):
            chunks.append(found)
            bar.update(len(part))
    for drawn in zip(*chunks, strict=True):
        auc, counts, *numbers = map(np.concatenate, zip(*drawn, strict=True))
        measured = dict(zip(named, numbers, strict=True))
        replicates.append(Replicates(auc, np.moveaxis(counts, 1, 0), resampling.method, measured))
    return replicates


def _order(models: Sequence[ScoredRows], decisions: Sequence[np.ndarray]) -> np.ndarray:
    """Sort rows by cell, scores and decisions: rows that tie agree in all, so that their order does not matter."""
    cells, keys = models[0].groups * 2 + models[0].labels, []
    scores: list[np.ndarray] = []
    decided: list[np.ndarray] = []
    for model, own in zip(models, decisions, strict=True):
        keys.append((model.scores, *own))
    if len(keys) > 1:
        keys.sort(key=lambda own: [key[np.lexsort((*reversed(own), cells))].tolist() for key in own])
    for ranked, *chosen in keys:
        scores.insert(0, ranked)
        decided += chosen
    alike = np.zeros_like(cells) if models[0].weights is None else models[0].weights
    return np.lexsort((alike, *decided, *scores, cells))


def auc_counter(rows: ScoredRows) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Prepare AUCs of rows in any order: weights [chunk, n] -> AUCs and pairs, [chunk, n_groups + 1] each."""
    count = _counter(rows, np.zeros((1, len(rows.labels)), dtype=bool), ())

    def found(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        aucs, counts = count(weights)
        cells = np.moveaxis(counts, 1, 0)[:, :, 0]
        return aucs, total(cells, ["positives"]) * total(cells, ["negatives"])

    return found


def _counter(
    rows: ScoredRows, decisions: np.ndarray, measures: Sequence[Measure]
) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Prepare rows sorted by group and label, so that AUCs, counts and measures follow from weights in few passes.

    Every row counts twice: in its group, and in the whole split, which has the last code. A single group is the whole.

    Returns:
        Weights [chunk, n] -> AUCs [chunk, n_groups + 1], counts [chunk, 4, n_cuts, n_groups + 1], and each measure
        [chunk, n_groups + 1].
    """
    alone, size = len(rows.group_names) == 1, len(rows.group_names) + 1
    halves = [rows] if alone else [rows, replace(rows, groups=np.full_like(rows.groups, size - 1))]
    places, edges = _sorted_cells(halves, size - alone)
    positives, below, not_above, ends = _ranked(rows, places, edges)
    tied, flagged = not np.array_equal(below, not_above), []
    for chosen in decisions:
        own = np.flatnonzero(chosen)
        flagged.append((own, np.searchsorted(rows.groups[own] * 2 + rows.labels[own], np.arange(2 * size - 1))))
    prepared = list[tuple[np.ndarray, list[Callable[[np.ndarray], np.ndarray]]]]()
    for own in _ascending(halves, edges) if measures else ():
        labels, scores = rows.labels[own], rows.scores[own]
        prepared.append((own, [measure(labels, scores) for measure in measures]))

    def count(weights: np.ndarray) -> list[np.ndarray]:
        drawn = _running(weights.take(places, axis=1))
        totals = (drawn[:, edges[1:]] - drawn[:, edges[:-1]]).reshape(len(weights), -1, 2).astype(_wide(weights))
        wins: np.ndarray = drawn.take(below, axis=1).astype(_wide(weights), copy=False)
        wins += drawn.take(not_above, axis=1) if tied else wins
        wins *= weights.take(positives, axis=1)
        won = _running(wins)
        sums = won[:, ends[1:]] - won[:, ends[:-1]] - 2 * drawn[:, edges[:-1:2]] * totals[..., 1]
        counts = np.empty((len(weights), 4, len(flagged), size), dtype=totals.dtype)
        for cut, (own, bounds) in enumerate(flagged):
            running = _running(weights.take(own, axis=1))
            hits = (running[:, bounds[1:]] - running[:, bounds[:-1]]).reshape(-1, size - 1, 2)
            hits = np.concatenate([hits, hits.sum(axis=1, keepdims=True)], axis=1)
            whole = np.concatenate([totals, totals], axis=1) if alone else totals
            counts[:, :, cut] = np.stack([whole - hits, hits], axis=-1).reshape(-1, size, 4).swapaxes(1, 2)
        numbers = [ratio(sums, 2 * totals[..., 0] * totals[..., 1])]
        for place in range(len(measures)):
            numbers.append(np.stack([own[place](weights.take(kept, axis=1)) for kept, own in prepared], axis=1))
        auc, *values = [number.repeat(2, axis=1) for number in numbers] if alone else numbers
        return [auc, counts, *values]

    return count


def _sorted_cells(halves: Sequence[ScoredRows], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Sort the rows of each half by group, label and score: places [n * halves], and the edges of the cells."""
    places, cells = [], []
    for half in halves:
        places.append(np.lexsort((half.scores, half.labels, half.groups)))
        cells.append((half.groups * 2 + half.labels)[places[-1]])
    return np.concatenate(places), np.searchsorted(np.concatenate(cells), np.arange(2 * size + 1))


def _ranked(
    rows: ScoredRows, places: np.ndarray, edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Count for each positive the sorted rows up to the negatives of its cell below it, and those not above it.

    Returns:
        The positives' places, both counts, and the ends of the groups among them.
    """
    ends = np.append(0, np.cumsum(edges[2::2] - edges[1::2]))
    positives, below, not_above = np.empty((3, ends[-1]), dtype=np.int64)
    for code, start in enumerate(edges[:-1:2]):
        middle, stop, high = edges[2 * code + 1], edges[2 * code + 2], slice(ends[code], ends[code + 1])
        positives[high] = places[middle:stop]
        low, own = rows.scores[places[start:middle]], rows.scores[positives[high]]
        below[high] = start + np.searchsorted(low, own, "left")
        not_above[high] = start + np.searchsorted(low, own, "right")
    return positives, below, not_above, ends


def _ascending(halves: Sequence[ScoredRows], edges: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the places of each group's rows, and last those of all, by score."""
    own = np.diff(edges[::2])
    for half in halves:
        order = np.lexsort((half.scores, half.groups))
        sizes, own = (own[:-1], own[-1:]) if len(halves) > 1 and half is halves[0] else (own, own)
        yield from np.split(order, np.cumsum(sizes)[:-1])


def _wide(weights: np.ndarray) -> type:
    """Return the type that holds products of sums of weights; whole ones are exact in it."""
    return np.int64 if weights.dtype.kind == "i" else np.float64


def _running(weights: np.ndarray) -> np.ndarray:
    """Sum weights up to before each place, [chunk, n] -> [chunk, n + 1]."""
    out = np.zeros((weights.shape[0], weights.shape[1] + 1), dtype=weights.dtype)
    np.cumsum(weights, axis=1, dtype=weights.dtype, out=out[:, 1:])
    return out
