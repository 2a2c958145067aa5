"""Bootstrap of a rate at a cut that is chosen anew in every resample, so that it varies as it should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..metrics.rates import ratio
from .resampling import Resampling

# Weights that the cluster bootstrap may draw in all, to end within seconds whatever the rows.
MOST_WEIGHTS = 2 * 10**8
FEWEST_RESAMPLES = 200


@dataclass(frozen=True)
class Side:
    """One share beyond a cut, see `own_cut_draws`.

    Args:
        limiting: places of the rows that set the cut, their scores ascending, [N].
        other: places of the rows that lie beyond it or not, their scores ascending, [P].
        below: how many of the others score no higher than each limiting row, [N].
        target: above 0 and up to 1.
    """

    limiting: np.ndarray
    other: np.ndarray
    below: np.ndarray
    target: float


def least_count(trials: np.ndarray, share: float) -> np.ndarray:
    """Return the least whole number of `trials` that is at least `share` of them, exactly: [...]."""
    count = np.ceil(trials * share)
    count = np.where((count - 1) / np.maximum(trials, 1) >= share, count - 1, count)
    return np.where(count / np.maximum(trials, 1) < share, count + 1, count).astype(np.int64)


def own_cut_draws(limiting: np.ndarray, other: np.ndarray, target: float, n_boot: int, seed: int) -> np.ndarray:
    """Resample rows of both classes and compute the share of `other` beyond the cut that `limiting` sets, [n_boot].

    With `limiting` negatives and `other` positives it is the sensitivity at a specificity of `target`; with scores
    negated and the classes swapped the specificity at a sensitivity.

    The cut lies just above the m-th lowest of the limiting scores, m the least count that makes up the share. In a
    resample of N of them that one is in place floor(N u), u the m-th lowest of N uniform numbers, which is
    Beta(m, N - m + 1); and each draw of the others is beyond it or not. So this is the very bootstrap of the rows at
    the cost of two numbers a resample.

    Args:
        limiting: scores, [N], at least one.
        other: scores, [P], at least one.
        target: above 0 and up to 1.
        n_boot: resamples.
        seed: of the generator.
    """
    rng, size = np.random.default_rng(seed), len(limiting)
    beyond = len(other) - np.searchsorted(np.sort(other), np.sort(limiting), "right")
    rank = int(least_count(np.array(size), target))
    places = (rng.beta(rank, size - rank + 1, n_boot) * size).astype(np.int64).clip(max=size - 1)
    return rng.binomial(len(other), beyond[places] / len(other)) / len(other)


def resamples_for(n_rows: int, n_boot: int) -> int:
    """Return how many resamples of clusters are drawn: `n_boot`, or fewer where there are very many rows."""
    return min(n_boot, max(FEWEST_RESAMPLES, MOST_WEIGHTS // n_rows))


def clustered_draws(resampling: Resampling, sides: Sequence[Side], n_boot: int, seed: int) -> np.ndarray:
    """Resample clusters and compute, of each side, the share beyond the cut, [n_boot, n_sides].

    Args:
        resampling: of the clusters.
        sides: what is computed.
        n_boot: resamples.
        seed: of the generator.
    """
    found = []
    for part in resampling.parts(n_boot):
        weights = resampling.draw(part, seed)
        found.append(np.stack([_weighted(weights, side) for side in sides], axis=-1))
    return np.concatenate(found)


def _weighted(weights: np.ndarray, side: Side) -> np.ndarray:
    """Compute the share beyond the cut in each resample, [chunk]; NaN where a class is not drawn."""
    drawn, others = (weights.take(places, axis=1).cumsum(axis=1) for places in (side.limiting, side.other))
    rank = least_count(drawn[:, -1], side.target)
    place = [int(np.searchsorted(one, least, "left")) for one, least in zip(drawn, rank, strict=True)]
    below = side.below[np.minimum(place, len(side.limiting) - 1)]
    within = np.where(below > 0, others[np.arange(len(others)), below - 1], 0)
    share = ratio(others[:, -1] - within, others[:, -1])
    return np.where(drawn[:, -1] > 0, share, np.nan)
