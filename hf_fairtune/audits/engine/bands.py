"""Gaps between groups, and their bounds by simultaneous bands around the numbers of all groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy.special import ndtri

from ...document.estimate import Estimate
from .bootstrap import BLIND
from .proportions import ratio

Bounds = tuple[float, float]
Columns = Sequence[int] | slice


class Over(Enum):
    """How numbers of several kinds are compared between groups."""

    LARGEST_RANGE = "the largest difference between two groups in any kind"
    MEAN_RANGE = "the mean over kinds of the largest difference between two groups"
    LOWEST_SHARE = "the lowest divided by the highest, of one kind; NaN if all are 0"
    FURTHEST = "the group furthest from the reference less the reference, of one kind"


def gap_value(numbers: np.ndarray, over: Over, reference: int = 0) -> np.ndarray:
    """Compare numbers between groups, [..., n_kinds, n_groups] -> [...]; NaN if any is, or with one group.

    `reference` is the place of the group that a signed gap compares with; of groups equally far the first counts.
    """
    first = numbers[..., 0, :]
    if numbers.shape[-1] < 2:
        return np.full(first.shape[:-1], np.nan)
    if over is Over.LOWEST_SHARE:
        return ratio(first.min(axis=-1), first.max(axis=-1))
    if over is Over.FURTHEST:
        differences = first - first[..., reference, None]
        furthest = np.abs(differences).argmax(axis=-1)  # NaN, where there is one, is the first maximum
        return np.take_along_axis(differences, furthest[..., None], axis=-1)[..., 0]
    ranges = numbers.max(axis=-1) - numbers.min(axis=-1)
    return np.asarray(ranges.mean(axis=-1) if over is Over.MEAN_RANGE else ranges.max(axis=-1))


def standard_errors(estimates: Sequence[Estimate], confidence: float) -> np.ndarray:
    """Read standard errors off intervals, [n]: half their width over the normal quantile; 0 for none."""
    widths = np.array([found.high - found.low for found in estimates])
    return np.nan_to_num(widths / 2 / ndtri((1 + confidence) / 2))


@dataclass(frozen=True)
class Family:
    """Numbers of all groups that are bounded at once.

    Every number, or difference of two, gets the same multiple of its standard error, such that all of them are covered
    at once (sup-t). Percentiles would not do: the lowest of noisy numbers is lower than the lowest, and the range of
    equal ones is above 0 in every resample.

    Values are by kind (such as TPR and FPR) and group, [n_kinds, n_groups], and so are errors, those of the groups'
    own intervals, see `standard_errors`. Replicates that vary less are stretched to them: a band then knows what a
    bootstrap does not, how few clusters there are, and that prevalences vary. Where they never vary, as at a rate of
    0, the error is added. Limits are the lowest and highest possible number.

    Source: Montiel Olea & Plagborg-Moller 2019, "Simultaneous confidence bands", algorithm for sup-t by bootstrap.
    """

    values: np.ndarray
    errors: np.ndarray
    confidence: float
    limits: Bounds = (0.0, 1.0)

    def extreme(self, draws: np.ndarray, highest: bool = False) -> Bounds:
        """Bound the lowest of the numbers, or the `highest`, by the ends of a band around all of them.

        `draws` are replicates of the numbers, [n_boot, n_kinds, n_groups], no NaN, here and below.
        """
        centres, half = self.band(draws, [(slice(None), None)])
        pick = np.max if highest else np.min
        return max(self.limits[0], float(pick(centres - half))), min(self.limits[1], float(pick(centres + half)))

    def gap(self, draws: np.ndarray, over: Over = Over.LARGEST_RANGE, reference: int = 0) -> Bounds:
        """Bound `gap_value` by a band around differences of groups; where none is established, equality is inside.

        These are of all pairs in every kind, or from the reference. For `LOWEST_SHARE` the family is of logarithms.
        """
        places = list(range(self.values.shape[1]))
        if over is Over.FURTHEST:
            centres, half = self.band(draws, [(places[:reference] + places[reference + 1 :], [reference])])
            return furthest_within((centres - half)[0].clip(min=-1), (centres + half)[0].clip(max=1))
        # A group's differences at a time: those of all pairs of many groups would not fit into memory at once.
        centres, half = self.band(draws, [([place], slice(place + 1, None)) for place in places[:-1]])
        low, high, most = np.abs(centres) - half, np.abs(centres) + half, self.limits[1] - self.limits[0]
        if over is Over.LOWEST_SHARE:
            return float(np.exp(-high.max())), float(np.exp(-max(0.0, float(low.max()))))
        if over is Over.MEAN_RANGE:
            return float(low.max(axis=1).clip(min=0).mean()), float(high.max(axis=1).clip(max=most).mean())
        return max(0.0, float(low.max())), min(most, float(high.max()))

    def band(self, draws: np.ndarray, contrasts: Sequence[tuple[Columns, Columns | None]]) -> tuple[np.ndarray, ...]:
        """Lay a band around contrasts, the numbers of some groups less those of others (None: of none).

        Its centres and half-widths are [n_kinds, n_contrasts] each.
        """
        spreads, middle = draws.std(axis=0), draws.mean(axis=0)
        blind = np.where(spreads < BLIND, self.errors, 0.0) ** 2
        stretch = np.where(spreads < BLIND, 1.0, ratio(self.errors, spreads).clip(min=1))
        draws = draws + (draws - middle) * (stretch - 1)
        furthest, centres, halves = np.zeros(len(draws)), [], []
        for first, second in contrasts:
            centre, moved, extra = self.values[:, first], draws[:, :, first], blind[:, first]
            if second is not None:
                centre, moved = centre - self.values[:, second], moved - draws[:, :, second]
                extra = extra + blind[:, second]
            spread = np.sqrt(moved.var(axis=0) + extra)
            distances = np.abs(moved - centre) / np.where(spread > 0, spread, 1.0)
            furthest = np.maximum(furthest, distances.max(axis=(1, 2)))
            centres.append(centre)
            halves.append(spread)
        # Never less than the normal quantile.
        critical = max(float(np.quantile(furthest, self.confidence)), float(ndtri((1 + self.confidence) / 2)))
        return np.concatenate(centres, axis=1), critical * np.concatenate(halves, axis=1)


def furthest_within(low: np.ndarray, high: np.ndarray) -> Bounds:
    """Find the extremes of the furthest from 0 of numbers that lie between `low` and `high`, [n] each."""
    # One of the numbers is at least this far from 0, so none nearer can be the furthest.
    least = float(np.maximum(np.maximum(low, -high), 0).max())
    below, above = low <= -least, high >= least
    ends = [*low[below], *np.minimum(high[below], -least), *np.maximum(low[above], least), *high[above]]
    return float(min(ends)), float(max(ends))
