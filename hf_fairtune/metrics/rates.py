"""True-positive, false-positive and selection rates by group, with numerators and denominators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from ..errors import FairTuneError
from .rows import check_labels, check_scores


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

    def take(self, codes: Sequence[int]) -> RateCounts:
        """Keep the groups `codes`, in their order."""
        kept = list(codes)
        return RateCounts(*(getattr(self, item.name)[..., kept] for item in fields(self)))


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


@dataclass(frozen=True)
class OperatingPoint:
    """A rate at an achieved point, the other rate as achieved there, and the cut; NaN where there is none."""

    value: float
    achieved: float
    threshold: float


NOWHERE = OperatingPoint(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class AchievedPoints:
    """What every observed score does as a cut, highest first: arrays [n_cuts], whole numbers.

    Nothing between two observed scores is a point: an interpolated one belongs to no cut.
    """

    cuts: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray

    @property
    def positives(self) -> int:
        """Count the rows of class 1."""
        return int(self.true_positives[-1])

    @property
    def negatives(self) -> int:
        """Count the rows of class 0."""
        return int(self.false_positives[-1])

    def sensitive_place(self, target: float) -> int:
        """Find the highest cut with at least the sensitivity `target`; the lowest cut has sensitivity 1."""
        return int((self.true_positives / self.positives >= check_target("sensitivity", target)).argmax())

    def specific_place(self, target: float) -> int | None:
        """Find the lowest cut with at least the specificity `target`; None where no observed score has it."""
        kept = (self.negatives - self.false_positives) / self.negatives >= check_target("specificity", target)
        return int(kept.sum()) - 1 if kept.any() else None


def achieved_points(labels: ArrayLike, scores: ArrayLike, split: str = "labels") -> AchievedPoints:
    """Find the operating points that cuts at the observed scores achieve.

    Args:
        labels: 0 or 1, [n].
        scores: finite, [n].
        split: what the rows are called in an error.

    Raises:
        FairTuneError: a class is missing.
    """
    truth, values = check_labels(labels), check_scores(scores)
    n_positive = int(truth.sum())
    if n_positive in (0, len(truth)):
        raise FairTuneError(f"`{split}` has {n_positive} positives in {len(truth)} rows; a cut needs both classes.")
    cuts, place = np.unique(-values, return_inverse=True)
    hits, rows = np.bincount(place[truth == 1], minlength=len(cuts)), np.bincount(place)
    return AchievedPoints(-cuts, np.cumsum(hits), np.cumsum(rows - hits))


def check_target(name: str, target: float) -> float:
    """Return `target`, or raise FairTuneError where it is not above 0 and up to 1."""
    if not 0 < target <= 1:
        raise FairTuneError(f"The {name} wanted is {target}; pass a share above 0 and up to 1, such as 0.9.")
    return target
