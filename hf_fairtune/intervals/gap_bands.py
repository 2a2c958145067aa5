"""Intervals of gaps other than a range, read off simultaneous bands so that they can hold the gap of equal groups."""

from __future__ import annotations

import numpy as np

from .simultaneous import BLIND, critical_value, difference_band


def mean_range_interval(
    values: np.ndarray, draws: np.ndarray, errors: np.ndarray, confidence: float
) -> tuple[float, float]:
    """Bound the mean over kinds of the largest difference between groups.

    One band holds all differences of all kinds at once, so the ranges' bounds hold at once, and so does their mean.
    A percentile interval would lie above 0 where groups are equal. Arguments and source as for `minimum_interval`.
    """
    centres, half = difference_band(values, draws, errors, confidence)
    sizes = np.abs(centres)
    low, high = (sizes - half).max(axis=1).clip(min=0), (sizes + half).max(axis=1).clip(max=1)
    return float(low.mean()), float(high.mean())


def furthest_interval(
    values: np.ndarray, draws: np.ndarray, errors: np.ndarray, confidence: float, reference: int
) -> tuple[float, float]:
    """Bound the difference from the reference that is furthest from 0, sign kept.

    A band holds the differences of all groups from the reference at once. The bounds are the lowest and the highest
    that the furthest of differences within the band can be; where sides cannot be told apart they lie on both.

    Args:
        values: [1, n_groups], as further arguments and source of `minimum_interval`.
        reference: place of the group the others are compared with.
    """
    others = [group for group in range(values.shape[1]) if group != reference]
    centres = values[0, others] - values[0, reference]
    differences = draws[:, 0, others] - draws[:, 0, reference, None]
    blind = np.where(draws[:, 0].std(axis=0) < BLIND, errors[0], 0.0)
    spreads = np.sqrt(differences.var(axis=0) + blind[others] ** 2 + blind[reference] ** 2)
    distances = np.abs(differences - centres) / np.where(spreads > 0, spreads, 1.0)
    half = critical_value(distances.max(axis=1), confidence) * spreads
    return _furthest_within((centres - half).clip(min=-1), (centres + half).clip(max=1))


def _furthest_within(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """Find the extremes of the furthest from 0 of numbers that lie between `low` and `high`, [n] each."""
    # One of the numbers is at least this far from 0, so none nearer can be the furthest.
    least = float(np.maximum(np.maximum(low, -high), 0).max())
    below, above = low <= -least, high >= least
    ends = [*low[below], *np.minimum(high[below], -least), *np.maximum(low[above], least), *high[above]]
    return float(min(ends)), float(max(ends))


def share_interval(
    values: np.ndarray, draws: np.ndarray, errors: np.ndarray, confidence: float
) -> tuple[float, float]:
    """Bound the lowest share divided by the highest.

    Args:
        values: logarithms of the shares, [1, n_groups], as further arguments and source of `minimum_interval`.
    """
    centres, half = difference_band(values, draws, errors, confidence)
    sizes = np.abs(centres)
    return float(np.exp(-(sizes + half).max())), float(np.exp(-max(0.0, float((sizes - half).max()))))
