"""Resamples written out as rows, the slow way."""

from __future__ import annotations

import numpy as np

from hf_fairtune.intervals.bootstrap import Replicates
from hf_fairtune.metrics.rates import rate_counts
from hf_fairtune.metrics.rows import Rows, check_rows

from ..metrics.samples import NAMES, slow_auc, split

CUTS = (0.25, 0.4)  # between scores, and on one


def repeated(given: Rows, weights: np.ndarray, cut: float) -> tuple[list[float], ...]:
    """AUC, TPR, FPR and selection rate by group and overall, from rows written out as often as drawn."""
    labels, scores, groups = (np.repeat(x, weights) for x in (given.labels, given.scores, given.groups))
    parts = [groups == g for g in range(len(given.group_names))] + [groups >= 0]
    predictions = (scores >= cut).astype(int)
    counts = [rate_counts(labels[p], predictions[p], np.zeros(p.sum(), int), 1) for p in parts]
    aucs = [slow_auc(labels[p], scores[p]) for p in parts]
    return aucs, *([float(getattr(c, k)[0]) for c in counts] for k in ("tpr", "fpr", "selection_rate"))


def in_bootstrap_order(given: Rows) -> Rows:
    """Rows sorted by group, label and score."""
    order = np.lexsort((given.scores, given.groups * 2 + given.labels))
    clusters = None if given.clusters is None else given.clusters[order]
    return Rows(given.labels[order], given.scores[order], given.groups[order], given.group_names, clusters)


def same(a: Replicates, b: Replicates) -> bool:
    """Whether both hold the same numbers."""
    return all(np.array_equal(getattr(a, k), getattr(b, k), equal_nan=True) for k in ("auc", "tpr", "fpr"))


def two_models(per_cluster: int | None = None) -> list[Rows]:
    """The same few rows with two models' scores, on one digit."""
    labels, scores, groups = split((6, 4, 2), (7, 9, 5), digits=1)
    other = np.round(np.random.default_rng(8).uniform(size=len(scores)), 1)
    clusters = None if per_cluster is None else np.arange(len(labels)) // per_cluster
    return [check_rows(labels, x, groups, NAMES, clusters) for x in (scores, other)]
