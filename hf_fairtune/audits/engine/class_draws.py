"""AUCs of several classes, each against the rest, on the same resamples."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .bootstrap import auc_counter
from .class_rows import ClassRows
from .proportions import ratio
from .resampling import plan
from .rows import ScoredRows


def cells_of(rows: ScoredRows | ClassRows) -> np.ndarray:
    """Return the stratum of every row in resamples, [n]: its group and label; of several findings its group."""
    if isinstance(rows, ScoredRows):
        return rows.groups * 2 + rows.labels
    classes = rows.labels.argmax(axis=1) if rows.exclusive else np.zeros_like(rows.groups)
    cells: np.ndarray = rows.groups * len(rows.names) + classes
    return cells


def class_draws(
    models: Sequence[ClassRows], n_boot: int, seed: int, folds: np.ndarray | None = None
) -> list[np.ndarray]:
    """Compute AUCs by class and group and, last, of all rows on resamples, [n_boot, k, n_groups + 1] of each model.

    Rows are drawn within fold, group and class (of findings within fold and group), and whole clusters as in
    `bootstrap`; pairs are within one fold. Models are the same rows in the same order; folds, [n], count from 0.
    """
    rows, folds = models[0], np.zeros_like(models[0].groups) if folds is None else folds
    cells = cells_of(rows)
    cells = cells + folds * (int(cells.max()) + 1)
    order = np.argsort(cells, kind="stable")
    resampling = plan(cells[order], None if rows.clusters is None else rows.clusters[order])
    counters = [
        [_pooled(model.take(order), place, folds[order]) for place in range(len(rows.names))] for model in models
    ]
    found: list[list[np.ndarray]] = [[] for _ in models]
    for part in resampling.parts(n_boot):
        weights = resampling.draw(part, seed)
        for own, some in zip(found, counters, strict=True):
            own.append(np.stack([counter(weights) for counter in some], axis=1))
    return [np.concatenate(own) for own in found]


def _pooled(model: ClassRows, place: int, folds: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Prepare the AUCs of a class: weights [chunk, n] -> [chunk, n_groups + 1], of pairs within one fold."""
    kept, rows, size = model.known(place), model.of(place), len(model.group_names)
    folds, count = folds[kept], int(folds.max()) + 1
    names = tuple(map(str, range(count * size)))
    by_group = auc_counter(replace(rows, groups=folds * size + rows.groups, group_names=names))
    whole = auc_counter(replace(rows, groups=folds, group_names=names[:count]))

    def aucs(weights: np.ndarray) -> np.ndarray:
        own, found = weights[:, kept], []
        for counter, width in ((by_group, size), (whole, 1)):
            values, pairs = (part[:, :-1].reshape(-1, count, width) for part in counter(own))
            found.append(ratio((np.nan_to_num(values) * pairs).sum(axis=1), pairs.sum(axis=1)))
        return np.concatenate(found, axis=1)

    return aucs
