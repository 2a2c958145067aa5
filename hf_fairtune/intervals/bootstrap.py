"""Bootstrap of all metrics at once: every number of a replicate comes from the same resample."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tqdm.auto import tqdm

from ..errors import FairTuneError
from ..metrics.rates import RateCounts, ratio
from ..metrics.rows import Rows
from .resampling import plan
from .weighted_counts import sorted_columns, weighted_counts

# A thread holds the weights of one part and a few arrays like them: at 1,000,000 rows about 50 MB.
MOST_THREADS = 4
# Seconds before a progress bar shows.
PATIENCE = 3.0

Cuts = Sequence[float | np.ndarray]
Chunks = list[list[list[np.ndarray]]]


@dataclass(frozen=True)
class Replicates:
    """AUCs and counts of each replicate; an AUC or rate is NaN where a resample left it undefined.

    Shapes: auc, positives and negatives are [n_boot, n_groups + 1]; true_positives and false_positives are
    [n_boot, n_cuts, n_groups + 1], as are tpr, fpr and selection_rate. The last column is the whole split.
    """

    auc: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    method: str

    @cached_property
    def tpr(self) -> np.ndarray:
        """Divide true positives by positives."""
        return ratio(self.true_positives, self.positives[:, None])

    @cached_property
    def fpr(self) -> np.ndarray:
        """Divide false positives by negatives."""
        return ratio(self.false_positives, self.negatives[:, None])

    @cached_property
    def selection_rate(self) -> np.ndarray:
        """Divide predicted positives by rows."""
        return ratio(self.true_positives + self.false_positives, (self.positives + self.negatives)[:, None])

    def counts(self, cut: int) -> RateCounts:
        """Return the counts behind every rate at the cut in place `cut`, arrays [n_boot, n_groups + 1]."""
        found = self.true_positives[:, cut], self.false_positives[:, cut]
        return RateCounts(self.positives, self.negatives, *found)

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


def bootstrap(rows: Rows, cuts: Cuts = (), n_boot: int = 2000, seed: int = 0) -> Replicates:
    """Resample the rows and compute every metric of every replicate.

    Rows are sorted once. A replicate is a vector of multinomial weights, and its AUCs are weighted Mann-Whitney counts
    in whole numbers, exact under ties. Without clusters the group x label counts stay as observed: intervals are
    conditional on them. With clusters, whole clusters are drawn (see `plan`).

    Args:
        rows: the scored rows.
        cuts: for the rates, each a threshold of the scores, or decisions by row (bool or 0/1, [n]).
        n_boot: replicates.
        seed: of the generator; the same seed gives the same replicates, whatever the order of the rows.

    Raises:
        FairTuneError: a cut is NaN, or has another shape.
    """
    (found,) = joint_bootstrap([rows], [cuts], n_boot, seed)
    return found


def joint_bootstrap(
    models: Sequence[Rows], cuts: Sequence[Cuts], n_boot: int = 2000, seed: int = 0
) -> list[Replicates]:
    """Resample the rows once for several models: replicate i of each comes from the same resample.

    Args:
        models: the same rows in the same order, each with one model's scores.
        cuts: of each model: thresholds of its own scores, or its decisions by row.
        n_boot: replicates.
        seed: of the generator; neither the order of the rows nor that of the models changes the resamples, and with
            one model they are those of `bootstrap`.

    Raises:
        FairTuneError: as `bootstrap`.
    """
    rows = models[0]
    checked = [[_checked(cut, len(rows.labels)) for cut in own] for own in cuts]
    cells = rows.groups * 2 + rows.labels
    order = _order(models, checked, cells)
    resampling = plan(cells[order], None if rows.clusters is None else rows.clusters[order])
    columns = [
        sorted_columns(cells[order], model.scores[order], _in_order(own, order), len(rows.group_names))
        for model, own in zip(models, checked, strict=True)
    ]

    def counted(part: range) -> list[list[np.ndarray]]:
        weights = resampling.draw(part, seed)
        return [weighted_counts(weights, own) for own in columns]

    chunks = _in_threads(counted, resampling.parts(n_boot), n_boot)
    return [_replicates(parts, resampling.method) for parts in zip(*chunks, strict=True)]


def _in_threads(counted: Callable[[range], list[list[np.ndarray]]], parts: list[range], n_boot: int) -> Chunks:
    """Run every part, each a few replicates, with a progress bar on a terminal if it takes more than seconds."""
    workers = min(len(parts), os.cpu_count() or 1, MOST_THREADS)
    with (
        ThreadPoolExecutor(max(1, workers)) as pool,
        tqdm(total=n_boot, desc="Bootstrap", unit="replicate", disable=None, delay=PATIENCE, leave=False) as bar,
    ):
        chunks = []
        for part, found in zip(parts, pool.map(counted, parts), strict=True):
            chunks.append(found)
            bar.update(len(part))
    return chunks


def _checked(cut: float | np.ndarray, n: int) -> float | np.ndarray:
    if isinstance(cut, np.ndarray) and cut.shape == (n,):
        return cut == 1
    if isinstance(cut, np.ndarray) or np.isnan(cut):
        given = f"an array of shape {cut.shape}" if isinstance(cut, np.ndarray) else "NaN"
        raise FairTuneError(f"A cut is {given}; pass a threshold of the scores, or one decision for each of {n} rows.")
    return float(cut)


def _order(models: Sequence[Rows], cuts: list[list[float | np.ndarray]], cells: np.ndarray) -> np.ndarray:
    """Sort rows by cell, scores and decisions: rows that tie agree in all, so it does not matter how they came."""
    keys = [
        (model.scores, *(cut for cut in own if isinstance(cut, np.ndarray)))
        for model, own in zip(models, cuts, strict=True)
    ]
    if len(keys) > 1:
        keys.sort(key=lambda own: [key[np.lexsort((*reversed(own), cells))].tolist() for key in own])
    scores = [own[0] for own in keys]
    return np.lexsort((*(key for own in keys for key in own[1:]), *reversed(scores), cells))


def _in_order(cuts: list[float | np.ndarray], order: np.ndarray) -> list[float | np.ndarray]:
    return [cut[order] if isinstance(cut, np.ndarray) else cut for cut in cuts]


def _replicates(parts: Sequence[list[np.ndarray]], method: str) -> Replicates:
    auc, hits, alarms, positives, negatives = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Replicates(auc, hits, alarms, positives, negatives, method)


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
