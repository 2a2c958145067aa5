"""Bootstrap of all metrics at once: every number of a replicate comes from the same resample."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from tqdm.auto import tqdm

from .proportions import ratio, total
from .resampling import plan
from .rows import ScoredRows

# A thread holds the weights of one part and a few arrays like them: at 1,000,000 rows about 50 MB.
MOST_THREADS = 4
# Seconds before a progress bar shows.
PATIENCE = 3.0
# A number that varies less over the replicates does not vary.
BLIND = 1e-12
# A step of weights, which lie below 1, is 2 to the power of minus this.
STEPS = 30

# Labels [n], scores [n] ascending, and weights [..., n] -> a number for each vector of weights, [...].
Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


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
        weights = resampling.draw(part, seed)
        weights = weights if own is None else weights * own
        return [counter(weights) for counter in counters]

    parts, chunks, replicates = resampling.parts(n_boot), [], []
    workers = max(1, min(len(parts), os.cpu_count() or 1, MOST_THREADS))
    with (
        ThreadPoolExecutor(workers) as pool,
        tqdm(total=n_boot, desc="Bootstrap", unit="replicate", disable=None, delay=PATIENCE, leave=False) as bar,
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

    Every row counts twice: in its group, and in the whole split, which has the last code.

    Returns:
        Weights [chunk, n] -> AUCs [chunk, n_groups + 1], counts [chunk, 4, n_cuts, n_groups + 1], and each measure
        [chunk, n_groups + 1].
    """
    n, size = len(rows.labels), len(rows.group_names) + 1
    twice, codes = np.tile(np.arange(n), 2), np.append(rows.groups, np.full(n, size - 1))
    labels, scores = rows.labels[twice], rows.scores[twice]
    order = np.lexsort((scores, labels, codes))
    cells, places = (codes * 2 + labels)[order], twice[order]
    edges = np.searchsorted(cells, np.arange(2 * size + 1))
    positives, ends = places[cells % 2 == 1], np.append(0, np.cumsum(edges[2::2] - edges[1::2]))
    below, not_above = np.empty((2, len(positives)), dtype=np.int64)
    for code, start in enumerate(edges[:-1:2]):
        low, high = rows.scores[places[start : edges[2 * code + 1]]], slice(ends[code], ends[code + 1])
        below[high] = start + np.searchsorted(low, rows.scores[positives[high]], "left")
        not_above[high] = start + np.searchsorted(low, rows.scores[positives[high]], "right")
    tied, flagged = not np.array_equal(below, not_above), []
    for chosen in decisions:
        own = np.flatnonzero(chosen)
        flagged.append((own, np.searchsorted(rows.groups[own] * 2 + rows.labels[own], np.arange(2 * size - 1))))
    ascending = np.split(twice[np.lexsort((scores, codes))], edges[2:-1:2])

    def count(weights: np.ndarray) -> list[np.ndarray]:
        drawn = _running(weights.take(places, axis=1))
        totals = (drawn[:, edges[1:]] - drawn[:, edges[:-1]]).reshape(-1, size, 2)
        wins = drawn.take(below, axis=1)
        wins += drawn.take(not_above, axis=1) if tied else wins
        wins *= weights.take(positives, axis=1)
        won = _running(wins)
        sums = won[:, ends[1:]] - won[:, ends[:-1]] - 2 * drawn[:, edges[:-1:2]] * totals[..., 1]
        counts = np.empty((len(weights), 4, len(flagged), size), dtype=weights.dtype)
        for cut, (own, bounds) in enumerate(flagged):
            running = _running(weights.take(own, axis=1))
            hits = (running[:, bounds[1:]] - running[:, bounds[:-1]]).reshape(-1, size - 1, 2)
            hits = np.concatenate([hits, hits.sum(axis=1, keepdims=True)], axis=1)
            counts[:, :, cut] = np.stack([totals - hits, hits], axis=-1).reshape(-1, size, 4).swapaxes(1, 2)
        numbers = [ratio(sums, 2 * totals[..., 0] * totals[..., 1]), counts]
        for measure in measures:
            values = np.empty((len(weights), size))
            for code, own in enumerate(ascending):
                values[:, code] = measure(rows.labels[own], rows.scores[own], weights.take(own, axis=1))
            numbers.append(values)
        return numbers

    return count


def _running(weights: np.ndarray) -> np.ndarray:
    """Sum weights up to before each place, [chunk, n] -> [chunk, n + 1]."""
    out = np.zeros((weights.shape[0], weights.shape[1] + 1), dtype=weights.dtype)
    np.cumsum(weights, axis=1, out=out[:, 1:])
    return out
