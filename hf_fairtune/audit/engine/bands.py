"""Simultaneous bands around the numbers of all groups, and the bounds of a minimum, a range or a ratio read off them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from .bootstrap import BLIND
from .proportions import ratio

Bounds = tuple[float, float]
Columns = Sequence[int] | slice


@dataclass(frozen=True)
class Family:
    """Numbers of all groups that are bounded at once.

    Every number, or difference of two, gets the same multiple of its standard error, such that all of them are covered
    at once (sup-t). Percentiles would not do: the lowest of noisy numbers is lower than the lowest, and the range of
    equal ones is above 0 in every resample.

    Args:
        values: by kind (such as TPR and FPR) and group, [n_kinds, n_groups].
        errors: standard errors to fall back on for a group whose number never varies over the replicates, such as a
            rate of 0, where the bootstrap is blind, [n_kinds, n_groups].
        confidence: such as 0.95.
        bounds: lowest and highest possible number.

    Source: Montiel Olea & Plagborg-Moller 2019, "Simultaneous confidence bands", algorithm for sup-t by bootstrap.
    """

    values: np.ndarray
    errors: np.ndarray
    confidence: float
    bounds: Bounds = (0.0, 1.0)

    def extreme(self, draws: np.ndarray, highest: bool = False) -> Bounds:
        """Bound the lowest of the numbers, or the highest, by the lowest or highest ends of a band around all of them.

        Args:
            draws: replicates of the numbers, [n_boot, n_kinds, n_groups], no NaN.
            highest: whether the highest is asked for.
        """
        centres, half = self.band(draws, [(slice(None), None)])
        ends = (centres - half, centres + half)
        low, high = (float(end.max() if highest else end.min()) for end in ends)
        return max(self.bounds[0], low), min(self.bounds[1], high)

    def differences(self, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bound the absolute differences of all pairs of groups, [n_kinds, n_pairs] each; a lower end may be below 0.

        The band is one around the pairs of every kind. Arguments as for `extreme`.
        """
        # A group's differences at a time: those of all pairs of many groups would not fit into memory at once.
        size = self.values.shape[1]
        centres, half = self.band(draws, [([group], slice(group + 1, None)) for group in range(size - 1)])
        return np.abs(centres) - half, np.abs(centres) + half

    def band(self, draws: np.ndarray, contrasts: Sequence[tuple[Columns, Columns | None]]) -> tuple[np.ndarray, ...]:
        """Lay a band around contrasts, the numbers of some groups less those of others (None: of none).

        Returns:
            Centres and half-widths, [n_kinds, n_contrasts] each.
        """
        blind = np.where(draws.std(axis=0) < BLIND, self.errors, 0.0) ** 2
        furthest, centres, spreads = np.zeros(len(draws)), [], []
        for first, second in contrasts:
            centre, moved, extra = self.values[:, first], draws[:, :, first], blind[:, first]
            if second is not None:
                centre, moved = centre - self.values[:, second], moved - draws[:, :, second]
                extra = extra + blind[:, second]
            spread = np.sqrt(moved.var(axis=0) + extra)
            distances = np.abs(moved - centre) / np.where(spread > 0, spread, 1.0)
            furthest = np.maximum(furthest, distances.max(axis=(1, 2)))
            centres.append(centre)
            spreads.append(spread)
        # Never less than the normal quantile.
        critical = max(float(np.quantile(furthest, self.confidence)), float(norm.ppf((1 + self.confidence) / 2)))
        return np.concatenate(centres, axis=1), critical * np.concatenate(spreads, axis=1)


class Over(NamedTuple):
    """A way to compare groups: its value, and its bounds by a band.

    `value` takes the groups' numbers, [..., n_kinds, n_groups], and the place of the reference group; `bounds` a
    family, its draws and that place. A way that is `relative` has a family of logarithms.
    """

    value: Callable[[np.ndarray, int], np.ndarray]
    bounds: Callable[[Family, np.ndarray, int], Bounds]
    relative: bool = False


def spread(numbers: np.ndarray) -> np.ndarray:
    """Subtract the lowest from the highest over the last axis (groups); NaN if any is, or with one group."""
    if numbers.shape[-1] < 2:
        return np.full(numbers.shape[:-1], np.nan)
    return np.asarray(numbers.max(axis=-1) - numbers.min(axis=-1))


def largest_range_value(numbers: np.ndarray, reference: int) -> np.ndarray:
    """Take the largest difference between two groups in any kind: [..., n_kinds, n_groups] -> [...]."""
    return np.asarray(spread(numbers).max(axis=-1))


def largest_range_bounds(family: Family, draws: np.ndarray, reference: int = 0) -> Bounds:
    """Bound the largest difference: 0 is inside where no single difference is established."""
    low, high = family.differences(draws)
    return max(0.0, float(low.max())), min(family.bounds[1] - family.bounds[0], float(high.max()))


def mean_range_value(numbers: np.ndarray, reference: int) -> np.ndarray:
    """Average over kinds the largest difference between two groups: [..., n_kinds, n_groups] -> [...]."""
    return np.asarray(spread(numbers).mean(axis=-1))


def mean_range_bounds(family: Family, draws: np.ndarray, reference: int = 0) -> Bounds:
    """Bound the mean by the means of the ranges' bounds, which hold at once."""
    low, high = family.differences(draws)
    return float(low.max(axis=1).clip(min=0).mean()), float(high.max(axis=1).clip(max=1).mean())


def lowest_share_value(numbers: np.ndarray, reference: int) -> np.ndarray:
    """Divide the lowest by the highest: [..., 1, n_groups] -> [...]; NaN if all are 0, or with one group."""
    values = numbers[..., 0, :]
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.nan)
    return ratio(values.min(axis=-1), values.max(axis=-1))


def lowest_share_bounds(family: Family, draws: np.ndarray, reference: int = 0) -> Bounds:
    """Bound the lowest number divided by the highest, the family being of their logarithms."""
    low, high = family.differences(draws)
    return float(np.exp(-high.max())), float(np.exp(-max(0.0, float(low.max()))))


def furthest_value(numbers: np.ndarray, reference: int) -> np.ndarray:
    """Subtract the reference from the group furthest from it, sign kept: [..., 1, n_groups] -> [...].

    Of two groups equally far on either side the one with the lower place.
    """
    values = numbers[..., 0, :]
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.nan)
    differences = values - values[..., reference, None]
    furthest = np.abs(differences).argmax(axis=-1)  # NaN, where there is one, is the first maximum
    return np.take_along_axis(differences, furthest[..., None], axis=-1)[..., 0]


def furthest_bounds(family: Family, draws: np.ndarray, reference: int) -> Bounds:
    """Bound the difference from the reference that is furthest from 0, sign kept.

    A band holds the differences of all groups from the reference at once. The bounds are the lowest and the highest
    that the furthest of differences within the band can be; where sides cannot be told apart they lie on both.
    """
    others = [group for group in range(family.values.shape[1]) if group != reference]
    centres, half = family.band(draws, [(others, [reference])])
    return furthest_within((centres - half)[0].clip(min=-1), (centres + half)[0].clip(max=1))


def furthest_within(low: np.ndarray, high: np.ndarray) -> Bounds:
    """Find the extremes of the furthest from 0 of numbers that lie between `low` and `high`, [n] each."""
    # One of the numbers is at least this far from 0, so none nearer can be the furthest.
    least = float(np.maximum(np.maximum(low, -high), 0).max())
    below, above = low <= -least, high >= least
    ends = [*low[below], *np.minimum(high[below], -least), *np.maximum(low[above], least), *high[above]]
    return float(min(ends)), float(max(ends))


LARGEST_RANGE = Over(largest_range_value, largest_range_bounds)
MEAN_RANGE = Over(mean_range_value, mean_range_bounds)
LOWEST_SHARE = Over(lowest_share_value, lowest_share_bounds, relative=True)
FURTHEST = Over(furthest_value, furthest_bounds)
