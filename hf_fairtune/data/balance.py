"""The rows of the external set: every group as often as any other within each label."""

from __future__ import annotations

import numpy as np

from ..errors import FairTuneError


def balanced_rows(
    labels: np.ndarray, groups: np.ndarray, *, seed: int = 0, fraction: float = 1.0, replacement: bool = False
) -> np.ndarray:
    """Choose rows so that groups are equally frequent within each label: SWiFT's external set (MELBA 2025, sec. 4.1).

    Without replacement each group gives, of each label, as many rows as the group with the fewest of that label.
    With replacement it is the published rule: the smallest group is kept whole and of every other one as many rows
    of each label are drawn, some of them several times.

    Args:
        labels: 0 or 1, shape `(rows,)`.
        groups: indices of groups, shape `(rows,)`.
        seed: of the draws; those of one cell do not depend on the other cells.
        fraction: share of every cell to keep, above 0 and at most 1, at least one row each. For one seed the rows of
            a smaller fraction are among those of a larger one.
        replacement: whether rows may be drawn several times.

    Returns:
        rising indices of rows, repeated where a row was drawn several times; shape `(chosen,)`.

    Raises:
        FairTuneError: one group only, a group without rows of a label, or a fraction outside of (0, 1].
    """
    if not 0 < fraction <= 1:
        raise FairTuneError(f"The fraction of the external set is {fraction:g}; give a share above 0, at most 1.")
    cells = _cells(np.asarray(labels), np.asarray(groups))
    counts = np.array([len(cell) for cell in cells.values()]).reshape(-1, 2)
    whole = 2 * np.argmin(counts.sum(axis=1))
    due = counts[whole // 2] if replacement else counts.min(axis=0)
    chosen = []
    for i, ((group, label), cell) in enumerate(cells.items()):
        draw = np.random.default_rng([seed, group, label])
        again = replacement and i not in (whole, whole + 1)
        drawn = draw.choice(cell, due[label], replace=True) if again else draw.permutation(cell)
        chosen.append(drawn[: max(1, round(fraction * due[label]))])
    return np.sort(np.concatenate(chosen))


def _cells(labels: np.ndarray, groups: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Return the rows of every (group, label), negatives before positives of each group."""
    if labels.shape != groups.shape or labels.ndim != 1 or not np.isin(labels, (0, 1)).all():
        raise FairTuneError(
            f"The external set is balanced over labels of shape {labels.shape} and groups of shape {groups.shape}; "
            "give one label, 0 or 1, and one group a row."
        )
    levels = np.unique(groups).tolist()
    cells = {(int(g), y): np.flatnonzero((groups == g) & (labels == y)) for g in levels for y in (0, 1)}
    counts = ", ".join(f"{len(cell)} of group {group} and label {label}" for (group, label), cell in cells.items())
    if len(levels) < 2:
        raise FairTuneError(
            f"The external set needs two groups or more; the rows are {counts or 'none'}: choose another attribute or "
            "other cuts."
        )
    for (group, label), cell in cells.items():
        if not len(cell):
            raise FairTuneError(
                f"Group {group} has no row of label {label} for the external set; the rows are {counts}: merge the "
                "group with another or drop it."
            )
    return cells
