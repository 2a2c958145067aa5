"""Ranks of scores."""

import numpy as np
from numpy.typing import ArrayLike


def midranks(values: ArrayLike) -> np.ndarray:
    """Rank values, [n], from 1 on, equal ones at the mean of their ranks; all NaN where one is.

    `scipy.stats.rankdata` gives the same and takes four times as long for the few hundred rows of a group.
    """
    given = np.asarray(values)
    order = np.argsort(given)
    ranked, ranks = given[order], np.full(len(given), np.nan)
    # NaN is sorted to the end.
    if not np.isnan(ranked[-1:]).any():
        first = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])[: len(given)])
        sizes = np.diff(np.append(first, len(given)))
        ranks[order] = np.repeat(first + (sizes + 1) / 2, sizes)
    return ranks
