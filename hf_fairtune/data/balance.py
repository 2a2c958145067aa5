"""Rows drawn by group and label: every group as often as any other, or the same share of each."""

import numpy as np

from ..errors import FairTuneError


def balanced_rows(
    labels: np.ndarray, groups: np.ndarray, *, seed: int = 0, fraction: float = 1.0, replacement: bool = False
) -> np.ndarray:
    """Choose rows so that groups are equally frequent within each label: SWiFT's external set (MELBA 2025, sec. 4.1).

    Without replacement each group gives, of each label, as many rows as the group with the fewest of that label, of
    those that have any.
    With replacement it is the published rule: the smallest group is kept whole and of every other one as many rows
    of each label are drawn, some of them several times.

    Of every cell the share `fraction` is kept, at least one row. The draws of one cell do not depend on the other
    cells, and for one seed the rows of a smaller fraction are among those of a larger one.

    Args:
        labels: classes, [n]; of two each group has both.
        groups: indices of groups, [n].

    Returns:
        rising indices of rows, repeated where a row was drawn several times.
    """
    if not 0 < fraction <= 1:
        raise FairTuneError(f"The fraction of the external set is {fraction:g}; give a share above 0, at most 1.")
    present, classes = np.unique(groups), np.unique(labels).tolist()
    counts = np.array([[np.sum((groups == g) & (labels == y)) for y in classes] for g in present])
    smallest, fewest = counts.sum(axis=1).argmin(), np.where(counts, counts, len(labels)).min(axis=0)
    due = np.where(counts[smallest], counts[smallest], fewest) if replacement else fewest
    chosen = []
    for place, group in enumerate(present):
        for label, n in zip(classes, due.tolist(), strict=True):
            cell = np.flatnonzero((groups == group) & (labels == label))
            draw = np.random.default_rng([seed, group, label])
            again = replacement and place != smallest and len(cell) > 0
            drawn = draw.choice(cell, n, replace=True) if again else draw.permutation(cell)
            chosen.append(drawn[: max(1, round(fraction * n))])
    return np.sort(np.concatenate(chosen))


def stratified_rows(labels: np.ndarray, groups: np.ndarray, *, seed: int = 0, fraction: float) -> np.ndarray:
    """Choose a share of the rows of every group x label, one row at least: the subset of FairTune's search (4.1).

    Rows are drawn, and not patients: a subset of training rows leaks into nothing, and more patients are in it. The
    draws of one cell do not depend on the other cells, and the rows of a smaller fraction are among those of a larger
    one.

    Args:
        labels: classes, [n].
        groups: indices of groups, [n].
        seed: of the draws.
        fraction: share to keep, above 0 and at most 1.

    Returns:
        rising indices of rows.
    """
    if not 0 < fraction <= 1:
        raise FairTuneError(f"The fraction of the training rows is {fraction:g}; give a share above 0, at most 1.")
    chosen = []
    for group, label in np.unique(np.column_stack([groups, labels]), axis=0).tolist():
        cell = np.flatnonzero((groups == group) & (labels == label))
        drawn = np.random.default_rng([seed, group, label]).permutation(cell)
        chosen.append(drawn[: max(1, round(fraction * len(cell)))])
    return np.sort(np.concatenate(chosen))
