"""How large the gap is by chance alone, and how often chance makes one as large."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan as NAN

import numpy as np
from tqdm.auto import tqdm

from ..metrics.rates import ratio, spread
from .relabelling import Relabelling, relabelling

# Dealt groups held at once; a few arrays of eight bytes each like it.
CHUNK_CODES = 2**20
# Gaps that differ by less are the same number, rounded on two ways.
SAME = 1e-12
BAR_DELAY = 3.0


@dataclass(frozen=True)
class GapNull:
    """Gap of AUCs where groups do not matter: its mean and 95th percentile over permutations.

    `p` is the share of permutations, the data among them, with a gap at least as large: 1 / (1 + permutations) at
    least. NaN, with a reason, where most rows may not be permuted: the gap would be compared with itself.
    """

    mean: float
    high: float
    p: float = NAN
    permutations: int = 0
    reason: str | None = None


def gap_null(
    labels: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    clusters: np.ndarray | None = None,
    permutations: int = 1000,
    seed: int = 0,
) -> GapNull:
    """Deal the groups out anew within each label and compute the gap (best minus worst group's AUC) each time.

    A gap is positive even between equal groups, the more so the more and the smaller they are: read it against this
    band, and never compare gaps of attributes with different numbers of groups. The null is that scores do not depend
    on the group given the label; every group keeps its counts. Clusters are permuted whole (see `relabelling`).

    Args:
        labels: 0 or 1, [n].
        scores: finite, [n].
        groups: codes, [n]; every code that occurs has both labels.
        clusters: codes, [n], equal for rows that are not independent; None for independent rows.
        permutations: how many; at least 1.
        seed: of the generator; the order of the rows does not matter.

    Source: p of a permutation test with the data counted in, Phipson & Smyth 2010, "Permutation p-values should never
    be zero", eq. 2.
    """
    order = np.lexsort((groups, scores, labels))
    labels, scores = labels[order], scores[order]
    codes = _small(np.unique(groups, return_inverse=True)[1][order])
    units = None if clusters is None else np.unique(clusters, return_inverse=True)[1][order]
    plan = relabelling(labels, codes, units)
    if 2 * plan.movable < len(labels):
        return GapNull(NAN, NAN, reason=f"no permutation: {plan.movable} of {len(labels)} rows can change their group")
    ranking = _ranking(labels, scores, codes)
    (observed,) = ranking.gaps(*(kept[None] for kept in plan.fixed))
    gaps = _null_gaps(plan, ranking, permutations, seed)
    p = (1 + int((gaps >= observed - SAME).sum())) / (1 + permutations)
    return GapNull(float(gaps.mean()), float(np.quantile(gaps, 0.95)), p, permutations)


def _small(codes: np.ndarray) -> np.ndarray:
    """Shrink the codes' type: those of 16 bits or less are sorted in one pass."""
    return codes.astype(np.min_scalar_type(int(codes.max()))) if len(codes) else codes


def _null_gaps(plan: Relabelling, ranking: _Ranking, permutations: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    chunk = max(1, CHUNK_CODES // sum(len(kept) for kept in plan.fixed))
    found = []
    with tqdm(total=permutations, desc="permutations", disable=None, delay=BAR_DELAY, leave=False) as bar:
        for first in range(0, permutations, chunk):
            times = min(chunk, permutations - first)
            found.append(ranking.gaps(*plan.draw(rng, times)))
            bar.update(times)
    return np.concatenate(found)


@dataclass(frozen=True)
class _Ranking:
    """Where the positives stand among the negatives, both sorted by score.

    Args:
        below: negatives scored strictly below each positive, [n_positives].
        not_above: and those not above it; they differ by the ties.
        negatives: negatives of each group, [n_groups]; a permutation within label does not change them.
        positives: positives of each group, [n_groups].
    """

    below: np.ndarray
    not_above: np.ndarray
    negatives: np.ndarray
    positives: np.ndarray

    def gaps(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Compute the gap of each dealing: groups of negatives and of positives, [times, n of the label], to [times].

        Negatives sorted by dealing, group and score get the ascending keys cell * (n + 1) + place; counting the keys
        below a positive's cell * (n + 1) + place counts the negatives of its own group below it.
        """
        times, size = low.shape
        n_groups, step = len(self.negatives), size + 1
        by_group = np.argsort(low, axis=1, kind="stable")
        cells = np.arange(times)[:, None] * n_groups
        keys = (cells + np.arange(n_groups)).repeat(np.tile(self.negatives, times)) * step + by_group.ravel()
        cell_of = cells + high
        starts = np.concatenate([[0], np.cumsum(np.tile(self.negatives, times))])[cell_of]
        wins = np.searchsorted(keys, (cell_of * step + self.below).ravel())
        tied = self.below is not self.not_above
        ends = np.searchsorted(keys, (cell_of * step + self.not_above).ravel()) if tied else wins
        doubled = (wins + ends - 2 * starts.ravel()).astype(np.float64)
        sums = np.bincount(cell_of.ravel(), weights=doubled, minlength=times * n_groups).reshape(times, n_groups)
        return spread(ratio(sums, 2.0 * self.negatives * self.positives))


def _ranking(labels: np.ndarray, scores: np.ndarray, codes: np.ndarray) -> _Ranking:
    """Rank rows that come sorted by label and score."""
    low, high = scores[labels == 0], scores[labels == 1]
    below, not_above = np.searchsorted(low, high, "left"), np.searchsorted(low, high, "right")
    cells = np.bincount(codes.astype(np.int64) * 2 + labels, minlength=2).reshape(-1, 2)
    return _Ranking(below, below if np.array_equal(below, not_above) else not_above, *cells.T)
