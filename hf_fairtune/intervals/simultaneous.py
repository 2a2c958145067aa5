"""Intervals for the minimum and the range of groups' numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

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
    first, second = map(list, zip(*combinations(range(values.shape[1]), 2), strict=True))
    n_boot = len(draws)
    blind = np.where(draws.std(axis=0) < BLIND, errors, 0.0)
    centres = (values[:, first] - values[:, second]).ravel()
    differences = draws[:, :, first] - draws[:, :, second]
    variance = differences.var(axis=0) + blind[:, first] ** 2 + blind[:, second] ** 2
    half = _half_widths(centres, differences.reshape(n_boot, -1), np.sqrt(variance).ravel(), confidence)
    sizes = np.abs(centres)
    return max(0.0, float((sizes - half).max())), min(1.0, float((sizes + half).max()))


def _filled(draws: np.ndarray, errors: np.ndarray) -> np.ndarray:
    spread = draws.std(axis=0)
    return np.where(spread < BLIND, errors, spread)


def _half_widths(centres: np.ndarray, draws: np.ndarray, spreads: np.ndarray, confidence: float) -> np.ndarray:
    """Multiply standard errors by the sup-t critical value, never less than the normal one: [m]."""
    safe = np.where(spreads > 0, spreads, 1.0)
    furthest = (np.abs(draws - centres) / safe).max(axis=1)
    critical = max(float(np.quantile(furthest, confidence)), float(norm.ppf((1 + confidence) / 2)))
    return critical * spreads
