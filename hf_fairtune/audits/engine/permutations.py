"""The gap that chance alone makes: AUCs of groups permuted within label."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ...document.estimate import NAN, Reason
from ...progress import Progress
from .proportions import ratio

# Permuted groups held at once; a few arrays of eight bytes each like it.
CHUNK_CODES = 2**20
# Gaps that differ by less are the same number, rounded on two ways.
SAME = 1e-12


class GapNull(NamedTuple):
    """Gap of AUCs where groups do not matter: mean and 95th percentile over permutations; NaN, with reasons, for none.

    `p` is the share of permutations or draws, the data among them, with a gap at least as large.
    """

    mean: float = NAN
    high: float = NAN
    p: float = NAN
    permutations: int = 0
    reasons: tuple[Reason, ...] = ()


def gap_null(
    labels: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    permutations: int = 1000,
    seed: int = 0,
) -> GapNull:
    """Permute the groups within each label and compute the gap (best minus worst group's AUC) each time.

    The null is that scores do not depend on the group given the label; every group keeps its counts. Rows are
    independent: for clusters see `clustered_null`. Columns are [n]; every group that occurs has both labels, and the
    order of rows is no matter.

    Source: p of a permutation test with the data counted in, Phipson & Smyth 2010, "Permutation p-values should never
    be zero", eq. 2.
    """
    order = np.lexsort((groups, scores, labels))
    labels, scores = labels[order], scores[order]
    codes = np.unique(groups, return_inverse=True)[1][order]
    # Codes of 16 bits or less are sorted in one pass.
    codes = codes.astype(np.min_scalar_type(int(codes.max())))
    # Groups are sorted, so that the order of the rows is no matter.
    fixed = codes[labels == 0], codes[labels == 1]
    measure, rng = _gaps(labels, scores, codes), np.random.default_rng(seed)
    chunk, found = max(1, CHUNK_CODES // len(labels)), []
    with Progress("Gap by chance", permutations, "permutation") as bar:
        for first in range(0, permutations, chunk):
            times = min(chunk, permutations - first)
            found.append(measure(*_permuted(fixed, rng, times)))
            bar.update(times)
    gaps, (observed,) = np.concatenate(found), measure(fixed[0][None], fixed[1][None])
    p = (1 + int((gaps >= observed - SAME).sum())) / (1 + permutations)
    return GapNull(float(gaps.mean()), float(np.quantile(gaps, 0.95)), p, permutations)


def _permuted(fixed: tuple[np.ndarray, np.ndarray], rng: np.random.Generator, times: int) -> Iterator[np.ndarray]:
    """Permute the groups of negatives, and then of positives, [times, n of the label] each."""
    for codes in fixed:
        yield rng.permuted(np.broadcast_to(np.sort(codes), (times, len(codes))), axis=1)


def _gaps(labels: np.ndarray, scores: np.ndarray, codes: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Rank rows sorted by label and score, to compute the gaps of many permutations, which keep each group's counts.

    Negatives sorted by permutation, group and score get the ascending keys cell * (n + 1) + place; counting the keys
    below a positive's cell * (n + 1) + place counts the negatives of its own group below it.

    Returns:
        Groups of negatives and of positives, [times, n of the label] -> gap of AUCs, [times].
    """
    low, high = scores[labels == 0], scores[labels == 1]
    below, not_above = np.searchsorted(low, high, "left"), np.searchsorted(low, high, "right")
    tied = not np.array_equal(below, not_above)
    negatives, positives = np.bincount(codes.astype(np.int64) * 2 + labels, minlength=2).reshape(-1, 2).T
    n_groups, step = len(negatives), len(low) + 1

    def measure(of_negatives: np.ndarray, of_positives: np.ndarray) -> np.ndarray:
        times = len(of_negatives)
        cells = np.arange(times)[:, None] * n_groups
        by_group = np.argsort(of_negatives, axis=1, kind="stable")
        keys = (cells + np.arange(n_groups)).repeat(np.tile(negatives, times)) * step + by_group.ravel()
        # In the order of the keys, which are then found in one pass through them.
        order = np.argsort(of_positives, axis=1, kind="stable")
        cell_of = (cells + np.arange(n_groups)).repeat(np.tile(positives, times))
        wins = np.searchsorted(keys, cell_of * step + below[order].ravel())
        if tied:
            wins += np.searchsorted(keys, cell_of * step + not_above[order].ravel())
        else:
            wins *= 2
        first = np.concatenate([[0], np.cumsum(np.tile(negatives, times))[:-1]])
        edges = np.concatenate([[0], np.cumsum(np.tile(positives, times))])
        running = np.concatenate([[0], np.cumsum(wins)])
        doubled = running[edges[1:]] - running[edges[:-1]] - 2 * first * np.diff(edges)
        return np.ptp(ratio(doubled.reshape(times, n_groups), 2.0 * negatives * positives), axis=1)

    return measure
