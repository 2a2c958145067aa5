"""Rows divided by shares, clusters whole, with the same mix of strata in every part.

scikit-learn's folds divide by 1/k only and may leave a small stratum out of a part; this is the iterative
stratification of Sechidis et al. (ECML 2011) with clusters in place of rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def stratified(units: np.ndarray, strata: np.ndarray, shares: Sequence[float], seed: int) -> np.ndarray:
    """Give every row a part, whole units together.

    The units come largest first, shuffled within a size; each goes where its strata are furthest below their due.

    Args:
        units: what must stay together, shape `(rows,)`.
        strata: integers from 0, shape `(rows,)`.
        shares: the share of each part, adding up to 1.
        seed: of the shuffle.

    Returns:
        index into `shares`, shape `(rows,)`.
    """
    _, unit = np.unique(units.astype(str), return_inverse=True)
    counts = np.zeros((unit.max() + 1, strata.max() + 1))
    np.add.at(counts, (unit, strata), 1)
    totals = counts.sum(axis=0)
    counts, totals = counts[:, totals > 0], totals[totals > 0]
    due = np.outer(shares, totals)
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    open_ = due.copy()
    part = np.empty(len(counts), dtype=np.int64)
    for i in order:
        need = (open_ / due) @ (counts[i] / totals)
        tied = np.flatnonzero(need >= need.max() - 1e-9)
        best = tied[np.argmax((open_[tied].sum(axis=1)) / due[tied].sum(axis=1))]
        part[i] = best
        open_[best] -= counts[i]
    return part[unit]
