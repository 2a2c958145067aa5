"""Two models on the same rows, resampled together: changes with paired intervals, and bands around their extremes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from scipy.special import ndtri

from ...document.estimate import Estimate
from .bands import Bounds
from .bootstrap import BLIND, Replicates
from .delong import WEIGHTED, paired_delong
from .resampled_rows import BOTH, ESTIMABLE, Need, ResampledRows

PAIRED_DELONG = "paired DeLong"
PAIRED_OBUCHOWSKI = "paired DeLong by clusters (Obuchowski)"


def minimum_change(values: np.ndarray, errors: np.ndarray, confidence: float, draws: np.ndarray) -> Bounds:
    """Bound the change of the lowest number, which is minus the change of the maximum of minus the numbers.

    Values are of model and reference, by kind (such as TPR and FPR) and group, [2, n_kinds, n_groups], draws their
    replicates from the same resamples, no NaN, [n_boot, 2, n_kinds, n_groups]. Errors are standard errors to add for a
    group where the bootstrap is blind, 0 elsewhere, [n_kinds, n_groups].
    """
    numbers, drawn = -values.reshape(2, -1), -draws.reshape(len(draws), 2, -1)
    low, high = maximum_change(numbers, drawn, errors.ravel() ** 2, confidence)
    return -high, -low


def range_change(values: np.ndarray, errors: np.ndarray, confidence: float, draws: np.ndarray) -> Bounds:
    """Bound the change of the largest difference between groups, over kinds and ordered pairs of groups.

    Arguments as of `minimum_change`.
    """
    first, second = map(list, zip(*permutations(range(values.shape[-1]), 2), strict=True))
    differences, drawn = (
        (numbers[..., first] - numbers[..., second]).reshape(*numbers.shape[:-2], -1) for numbers in (values, draws)
    )
    variance = (errors[:, first] ** 2 + errors[:, second] ** 2).ravel()
    return maximum_change(differences, drawn, variance, confidence)


def maximum_change(values: np.ndarray, draws: np.ndarray, variance: np.ndarray, confidence: float) -> Bounds:
    """Bound max(model) - max(reference) by a simultaneous band around all contrasts model[p] - reference[q].

    The change is both max_p min_q and min_q max_p of the contrasts, and both rise with each of them: a band that holds
    all contrasts at once (sup-t) bounds it by min_q max_p of its low and max_p min_q of its high ends. This asks no
    smoothness of the maximum, which a plain bootstrap needs and groups that come out equal deny: where a repair closes
    a gap, intervals that claim 0.95 by percentiles, by the standard deviation or by reflection held the truth in as
    few as 0.7 of samples with two groups and 0.6 with four; these in 0.94 or more throughout, for more width
    (`scripts/benchmarks/paired_coverage.py`).

    Values are [2, m], their draws [n_boot, 2, m]; `variance`, [m], is added to that of every contrast with a number.

    Source: the band as in `bands.Family`.
    """
    model, reference = values
    furthest = np.zeros(len(draws))
    spreads = np.empty((len(model), len(model)))
    for p in range(len(model)):
        # One contrast's row at a time: all of them would be n_boot x m x m.
        moved = draws[:, 0, [p]] - draws[:, 1]
        spreads[p] = np.sqrt(moved.var(axis=0) + np.maximum(variance[p], variance))
        safe = np.where(spreads[p] > BLIND, spreads[p], np.inf)
        furthest = np.maximum(furthest, (np.abs(moved - (model[p] - reference)) / safe).max(axis=1))
    critical = max(float(np.quantile(furthest, confidence)), float(ndtri((1 + confidence) / 2)))
    contrasts, half = model[:, None] - reference, critical * spreads
    low, high = (contrasts - half).max(axis=0).min(), (contrasts + half).min(axis=1).max()
    return max(-1.0, float(low)), min(1.0, float(high))


@dataclass(frozen=True)
class PairedRows:
    """A model and a reference on the same rows, resampled together."""

    model: ResampledRows
    reference: ResampledRows

    def draws(self, draw: Callable[[Replicates], np.ndarray]) -> np.ndarray | None:
        """Draw what a number is made from for both models, [n_boot, 2, ...]; None without a bootstrap."""
        first, second = self.model.replicates, self.reference.replicates
        return np.stack([draw(first), draw(second)], axis=1) if first and second else None

    def inside(self, code: int) -> np.ndarray:
        """Tell which rows are of a group, or of `ALL`: bool [n]."""
        groups = self.model.rows.groups
        return groups == code if 0 <= code < len(self.model.rows.group_names) else groups >= 0

    @property
    def method(self) -> str:
        """Name that variance, of both models' AUCs."""
        name = PAIRED_OBUCHOWSKI if self.model.grouped else PAIRED_DELONG
        return name if self.model.rows.weights is None else name + WEIGHTED

    def auc_variance(self, code: int) -> float:
        """Compute the variance of the change of a group's AUC, or that of `ALL` rows; NaN with a row in a class."""
        rows, kept = self.model.rows, self.inside(code)
        columns = rows.labels[kept], rows.scores[kept], self.reference.rows.scores[kept]
        if rows.clusters is None:
            return paired_delong(*columns)[1]
        from .clusters import paired_variance  # only where there are clusters

        return paired_variance(*columns, rows.clusters[kept], rows.take(kept).weights)

    def degrees(self, code: int) -> float:
        """Return that variance's degrees of freedom: the scarcer class's rows, or effective clusters, less 1."""
        rows, kept = self.model.rows, self.inside(code)
        if rows.clusters is None:
            return float(self.model.units[code, :2].min() - 1)
        from .clusters import auc_degrees  # only where there are clusters

        return auc_degrees(rows.labels[kept], rows.clusters[kept], rows.take(kept).weights)

    def change(self, value: float, draws: np.ndarray | None, code: int, needs: Sequence[Need] = BOTH) -> Estimate:
        """Judge the change of one group's number, NaN if the group lacks one of `needs`; draws are [n_boot, 2]."""
        few = self.model.few(code, needs, least=1 if math.isnan(value) else ESTIMABLE)
        moved = None if draws is None else draws[:, 0] - draws[:, 1]
        return self.model.percentile(value, moved, *few, interval="paired percentile")


def still(draws: np.ndarray) -> np.ndarray:
    """Tell which numbers never vary over the replicates, where a bootstrap is blind: [n_boot, ...] -> [...]."""
    return np.asarray(draws.std(axis=0) < BLIND)
