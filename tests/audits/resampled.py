"""Resamples written out as rows, the slow way, and the resampled rows of small audits."""

from __future__ import annotations

import numpy as np

from hf_fairtune.audits.engine.bootstrap import Replicates, bootstrap
from hf_fairtune.audits.engine.proportions import confusion, ratio, total
from hf_fairtune.audits.engine.resampled_rows import ResampledRows
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from hf_fairtune.audits.metrics.metric import rates

from .samples import NAMES, rows, slow_auc, split

CUTS = (0.25, 0.4)  # between scores, and on one
KINDS = ("tpr", "fpr", "selection_rate")


def decided(given: ScoredRows, cuts: tuple[float, ...] = CUTS) -> np.ndarray:
    """Decisions at each cut, [n_cuts, n]."""
    return (given.scores >= np.array(cuts)[:, None]).astype(np.int64)


def rate_draws(found: Replicates, kind: str, cut: int = 0) -> np.ndarray:
    """A rate in each replicate at one cut, [n_boot, n_groups + 1]."""
    return rates()[kind](found.counts[:, :, cut])


def repeated(given: ScoredRows, weights: np.ndarray, cut: float) -> tuple[list[float], ...]:
    """AUC, TPR, FPR and selection rate by group and overall, from rows written out as often as drawn."""
    labels, scores, groups = (np.repeat(x, weights) for x in (given.labels, given.scores, given.groups))
    parts = [groups == g for g in range(len(given.group_names))] + [groups >= 0]
    predictions = (scores >= cut).astype(int)
    aucs = [slow_auc(labels[p], scores[p]) for p in parts]
    shares = [("true_positives", "positives"), ("false_positives", "negatives"), ("predicted_positives", "rows")]
    found = []
    for above, below in shares:
        counts = [confusion(labels[p], predictions[p], np.zeros(p.sum(), int), 1) for p in parts]
        found.append([float(ratio(total(c, (above,)), total(c, (below,)))[0]) for c in counts])
    return aucs, *found


def in_bootstrap_order(given: ScoredRows) -> ScoredRows:
    """Rows sorted by group, label and score."""
    return given.take(np.lexsort((given.scores, given.groups * 2 + given.labels)))


def same(a: Replicates, b: Replicates) -> bool:
    """Whether both hold the same numbers."""
    return np.array_equal(a.auc, b.auc, equal_nan=True) and np.array_equal(a.counts, b.counts)


def two_models(per_cluster: int | None = None) -> list[ScoredRows]:
    """The same few rows with two models' scores, on one digit."""
    labels, scores, groups = split((6, 4, 2), (7, 9, 5), digits=1)
    other = np.round(np.random.default_rng(8).uniform(size=len(scores)), 1)
    clusters = None if per_cluster is None else np.arange(len(labels)) // per_cluster
    return [check_rows(labels, x, groups, NAMES, clusters) for x in (scores, other)]


def resampled(
    given: ScoredRows | None = None,
    included: tuple[int, ...] | None = None,
    n_boot: int = 200,
    seed: int = 0,
    **kwargs: object,
) -> ResampledRows:
    """Of these rows, or of those that `rows(**kwargs)` makes."""
    found = rows(**kwargs) if given is None else given  # type: ignore[arg-type]
    kept = tuple(range(len(found.group_names))) if included is None else included
    (draws,) = bootstrap([found], [decided(found, ())], n_boot, seed) if n_boot else [None]
    return ResampledRows(found, kept, draws, 0.95)
