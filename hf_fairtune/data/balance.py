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
    present = np.unique(groups)
    counts = np.array([[np.sum((groups == g) & (labels == y)) for y in (0, 1)] for g in present])
    smallest = counts.sum(axis=1).argmin()
    due = counts[smallest] if replacement else counts.min(axis=0)
    chosen = []
    for place, group in enumerate(present):
        for label in (0, 1):
            cell = np.flatnonzero((groups == group) & (labels == label))
            draw = np.random.default_rng([seed, group, label])
            again = replacement and place != smallest
            drawn = draw.choice(cell, due[label], replace=True) if again else draw.permutation(cell)
            chosen.append(drawn[: max(1, round(fraction * due[label]))])
    return np.sort(np.concatenate(chosen))
