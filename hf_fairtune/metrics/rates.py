"""True-positive, false-positive and selection rates by group, with numerators and denominators."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from .estimate import Estimate, undefined

WILSON = "Wilson"
BONETT_PRICE = "Bonett-Price"


@dataclass(frozen=True)
class RateCounts:
    """Counts behind the rates, integers [n_groups] each."""

    positives: np.ndarray
    negatives: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray

    @property
    def n(self) -> np.ndarray:
        """Count rows."""
        return self.positives + self.negatives

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


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """Compute a proportion with its score interval; NaN with a reason for no trials.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference"; keeps its coverage
    in small samples and a width at 0 and 1.
    """
    if trials == 0:
        return undefined(WILSON, "the denominator is 0")
    z = float(norm.ppf((1 + confidence) / 2))
    rate, shrink = successes / trials, 1 + z * z / trials
    centre = (rate + z * z / (2 * trials)) / shrink
    half = z / shrink * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    # At the ends the bound is the rate itself; rounding must not push it past.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return Estimate(rate, low, high, WILSON)


def paired_difference(gained: int, lost: int, trials: int, confidence: float = 0.95) -> Estimate:
    """Compute the difference of two proportions over the same cases, with its adjusted interval; NaN for no trials.

    Args:
        gained: cases that only the first has.
        lost: cases that only the second has.
        trials: all cases.
        confidence: such as 0.95.

    Source: Bonett & Price 2012, "Adjusted Wald confidence interval for a difference of binomial proportions based on
    paired data": one more case on either side, which keeps its coverage where few cases differ, and a width where none
    does.
    """
    if trials == 0:
        return undefined(BONETT_PRICE, "the denominator is 0")
    first, second = (gained + 1) / (trials + 2), (lost + 1) / (trials + 2)
    centre, z = first - second, float(norm.ppf((1 + confidence) / 2))
    half = z * math.sqrt((first + second - centre**2) / (trials + 2))
    return Estimate((gained - lost) / trials, max(-1.0, centre - half), min(1.0, centre + half), BONETT_PRICE)
