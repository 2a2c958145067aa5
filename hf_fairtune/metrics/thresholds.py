"""Decision thresholds, fitted on one split and applied to another."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..errors import FairTuneError
from .rows import check_labels, check_scores

DEGENERATE_RATE = 0.01


@dataclass(frozen=True)
class Threshold:
    """A cut of the scores: a row is predicted 1 if its score is at or above `value`.

    Args:
        policy: how the value was chosen, "fixed" or "youden".
        value: in units of the scores.
        fitted_on: name of the split it was fitted on; None if on none.
        fingerprint: of the rows it was fitted on, see `fingerprint`; None if on none.
    """

    policy: str
    value: float
    fitted_on: str | None = None
    fingerprint: str | None = None

    def apply(self, labels: ArrayLike, scores: ArrayLike) -> np.ndarray:
        """Predict 0 or 1 for each row, [n].

        Raises:
            FairTuneError: these are the very rows the threshold was fitted on, in whatever order; what it scores
                there is optimistic.
        """
        if self.fingerprint is not None and self.fingerprint == fingerprint(labels, scores):
            raise FairTuneError(
                f"The `{self.policy}` threshold was fitted on these same rows ({self.fitted_on}); "
                "apply it to another split, or use fixed()."
            )
        return (check_scores(scores) >= self.value).astype(np.int64)


def fixed(value: float = 0.5) -> Threshold:
    """Make a threshold that no data chose."""
    if not np.isfinite(value):
        raise FairTuneError(f"`value` is {value}; pass a finite threshold in units of the scores.")
    return Threshold("fixed", float(value))


def youden(labels: ArrayLike, scores: ArrayLike, split: str = "validation") -> Threshold:
    """Fit the threshold that maximises TPR - FPR on `split`.

    The value is an observed score, so the operating point is one that was achieved; of equally good ones the
    highest.

    Args:
        labels: 0 or 1, [n].
        scores: finite, [n].

    Raises:
        FairTuneError: a class is missing.

    Source: Youden 1950, "Index for rating diagnostic tests".
    """
    truth, values = check_labels(labels), check_scores(scores)
    n_positive = int(truth.sum())
    if n_positive in (0, len(truth)):
        raise FairTuneError(f"`{split}` has {n_positive} positives in {len(truth)} rows; Youden needs both classes.")
    cuts, place = np.unique(-values, return_inverse=True)
    # Whole numbers, so that equally good cuts tie exactly: J times positives times negatives.
    gains = np.where(truth == 1, len(truth) - n_positive, -n_positive)
    index = np.cumsum(np.bincount(place, weights=gains))
    return Threshold("youden", float(-cuts[index.argmax()]), split, fingerprint(truth, values))


def fingerprint(labels: ArrayLike, scores: ArrayLike) -> str:
    """Hash rows by their labels and scores, in any order."""
    truth, values = check_labels(labels), check_scores(scores) + 0.0
    order = np.lexsort((truth, values))
    return hashlib.sha256(values[order].tobytes() + truth[order].tobytes()).hexdigest()[:32]


def is_degenerate(selection_rates: np.ndarray) -> bool:
    """Tell whether a group is predicted 1 in under 1 % or over 99 % of its rows.

    Such a threshold looks fair because it hardly decides: the all-negative classifier has no difference at all.
    Groups without rows (NaN) do not count.
    """
    rates = selection_rates[~np.isnan(selection_rates)]
    return bool(((rates < DEGENERATE_RATE) | (rates > 1 - DEGENERATE_RATE)).any())
