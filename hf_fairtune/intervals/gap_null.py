"""How large the gap is by chance alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metrics.auc import group_aucs
from ..metrics.rates import spread


@dataclass(frozen=True)
class GapNull:
    """Gap of AUCs when groups do not matter: its mean and 95th percentile over permutations."""

    mean: float
    high: float


def gap_null(
    labels: np.ndarray, scores: np.ndarray, groups: np.ndarray, permutations: int = 200, seed: int = 0
) -> GapNull:
    """Permute the groups within each label and compute the gap (best minus worst group's AUC) each time.

    A gap is positive even between equal groups, the more so the more and the smaller they are: read it against this
    band, and never compare gaps of attributes with different numbers of groups.

    Args:
        labels: 0 or 1, [n].
        scores: finite, [n].
        groups: codes, [n]; every code that occurs has both labels.
    """
    rng = np.random.default_rng(seed)
    order = np.lexsort((groups, scores, labels))
    labels, scores = labels[order], scores[order]
    codes = np.unique(groups, return_inverse=True)[1][order]
    gaps = np.empty(permutations)
    for i in range(permutations):
        for label in (0, 1):
            codes[labels == label] = rng.permutation(codes[labels == label])
        gaps[i] = spread(group_aucs(labels, scores, codes, int(codes.max()) + 1))
    return GapNull(float(gaps.mean()), float(np.quantile(gaps, 0.95)))
