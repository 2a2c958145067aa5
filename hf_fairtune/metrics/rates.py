"""True-positive, false-positive and selection rates by group, with numerators and denominators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RateCounts:
    """Counts behind the rates, integers [..., n_groups] each; leading axes are replicates."""

    positives: np.ndarray
    negatives: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray

    @property
    def n(self) -> np.ndarray:
        """Count rows."""
        return self.positives + self.negatives

    @property
    def true_negatives(self) -> np.ndarray:
        """Count negatives predicted 0."""
        return self.negatives - self.false_positives

    @property
    def false_negatives(self) -> np.ndarray:
        """Count positives predicted 0."""
        return self.positives - self.true_positives

    @property
    def predicted_positives(self) -> np.ndarray:
        """Count rows predicted 1."""
        return self.true_positives + self.false_positives

    @property
    def tpr(self) -> np.ndarray:
        """Divide true positives by positives (sensitivity); NaN without positives."""
        return ratio(self.true_positives, self.positives)

    @property
    def fpr(self) -> np.ndarray:
        """Divide false positives by negatives (1 - specificity); NaN without negatives."""
        return ratio(self.false_positives, self.negatives)

    @property
    def selection_rate(self) -> np.ndarray:
        """Divide predicted positives by rows; NaN without rows."""
        return ratio(self.predicted_positives, self.n)


def rate_counts(labels: np.ndarray, predictions: np.ndarray, groups: np.ndarray, n_groups: int) -> RateCounts:
    """Count by group what the rates need.

    Args:
        labels: 0 or 1, [n].
        predictions: 0 or 1, [n].
        groups: codes below `n_groups`, [n].
    """

    def count(kept: np.ndarray) -> np.ndarray:
        return np.bincount(groups[kept], minlength=n_groups)

    positive, predicted = np.asarray(labels) == 1, np.asarray(predictions) == 1
    return RateCounts(count(positive), count(~positive), count(positive & predicted), count(~positive & predicted))


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divide elementwise; NaN, silently, where the denominator is 0."""
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator != 0)


def spread(rates: np.ndarray) -> np.ndarray:
    """Subtract the lowest from the highest rate over the last axis (groups); NaN if any is, or with one group."""
    if rates.shape[-1] < 2:
        return np.full(rates.shape[:-1], np.nan)
    return rates.max(axis=-1) - rates.min(axis=-1)
