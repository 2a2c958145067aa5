"""Intervals for the minimum and the range of groups' numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from .bootstrap import Replicates

BLIND = 1e-12


@dataclass(frozen=True)
class Family:
    """Numbers of all groups that one minimum or range is taken over.

    Args:
        values: by kind (such as TPR and FPR) and group, [n_kinds, n_groups].
        draws: replicates -> the same numbers in each, [n_boot, n_kinds, n_groups].
        errors: standard errors to fall back on for a group whose number never varies, such as a rate of 0, where the
            bootstrap is blind, [n_kinds, n_groups].
    """

    values: np.ndarray
    draws: Callable[[Replicates], np.ndarray]
    errors: np.ndarray


Interval = Callable[[np.ndarray, np.ndarray, np.ndarray, float], tuple[float, float]]


def minimum_interval(
    values: np.ndarray, draws: np.ndarray, errors: np.ndarray, confidence: float
) -> tuple[float, float]:
    """Bound the minimum of numbers in [0, 1] by a simultaneous band around all of them.

    A percentile interval of a minimum lies too low and may miss the minimum itself: the lowest of noisy numbers is
    lower than the lowest. Here every number gets the same multiple c of its standard error, c such that all of them
    are covered at once (sup-t), and the band's lowest ends bound the minimum.

    Args:
        values: [n_kinds, n_groups].
        draws: their replicates, [n_boot, n_kinds, n_groups], no NaN.
        errors: fallback standard errors, [n_kinds, n_groups].
        confidence: such as 0.95.

    Source: Montiel Olea & Plagborg-Moller 2019, "Simultaneous confidence bands", algorithm for sup-t by bootstrap.
    """
    centres, n_boot = values.ravel(), len(draws)
    spreads = _filled(draws, errors).ravel()
    half = _half_widths(centres, draws.reshape(n_boot, -1), spreads, confidence)
    return max(0.0, float((centres - half).min())), min(1.0, float((centres + half).min()))


def range_interval(
    values: np.ndarray, draws: np.ndarray, errors: np.ndarray, confidence: float
) -> tuple[float, float]:
    """Bound the largest difference between groups, over kinds, by a simultaneous band around all differences.

    A percentile interval of a range never reaches 0, and may lie above the range itself when groups are equal. This
    one contains the range, and 0 where no single difference is established. Arguments and source as for
    `minimum_interval`.
    """
    centres, half = difference_band(values, draws, errors, confidence)
    sizes = np.abs(centres)
    return max(0.0, float((sizes - half).max())), min(1.0, float((sizes + half).max()))


def difference_band(
    values: np.ndarray, draws: np.ndarray, errors: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lay one simultaneous band around the differences between all pairs of groups, in every kind.

    Returns:
        The differences and the half-widths around them, [n_kinds, n_pairs] each, pairs as `combinations` orders them.

    Arguments and source as for `minimum_interval`.
    """
    blind = np.where(draws.std(axis=0) < BLIND, errors, 0.0)
    furthest, centres, spreads = np.zeros(len(draws)), [], []
    # A group's differences at a time: those of all pairs of many groups would not fit into memory at once.
    for group in range(values.shape[1] - 1):
        rest = slice(group + 1, None)
        centres.append(values[:, group, None] - values[:, rest])
        differences = draws[:, :, group, None] - draws[:, :, rest]
        variance = differences.var(axis=0) + blind[:, group, None] ** 2 + blind[:, rest] ** 2
        spreads.append(np.sqrt(variance))
        distances = np.abs(differences - centres[-1]) / _safe(spreads[-1])
        furthest = np.maximum(furthest, distances.max(axis=(1, 2)))
    return np.concatenate(centres, axis=1), critical_value(furthest, confidence) * np.concatenate(spreads, axis=1)


def critical_value(furthest: np.ndarray, confidence: float) -> float:
    """Return the sup-t critical value, never less than the normal one.

    Args:
        furthest: of each replicate, the largest distance from the centre in standard errors, [n_boot].
        confidence: such as 0.95.
    """
    return max(float(np.quantile(furthest, confidence)), float(norm.ppf((1 + confidence) / 2)))


def _filled(draws: np.ndarray, errors: np.ndarray) -> np.ndarray:
    spread = draws.std(axis=0)
    return np.where(spread < BLIND, errors, spread)


def _half_widths(centres: np.ndarray, draws: np.ndarray, spreads: np.ndarray, confidence: float) -> np.ndarray:
    """Multiply standard errors by the sup-t critical value: [m]."""
    return critical_value((np.abs(draws - centres) / _safe(spreads)).max(axis=1), confidence) * spreads


def _safe(spreads: np.ndarray) -> np.ndarray:
    return np.where(spreads > 0, spreads, 1.0)
