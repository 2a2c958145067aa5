"""Decision thresholds, fitted on one split and applied to another."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from ..errors import FairTuneError
from .rates import achieved_points
from .rows import Rows, check_labels, check_scores

DEGENERATE_RATE = 0.01


class Decision(Protocol):
    """What turns scores into 0 or 1: a cut, a cut for each group, or decisions that were made elsewhere."""

    @property
    def policy(self) -> str:
        """Say how it was chosen."""

    @property
    def fitted_on(self) -> str | None:
        """Name the split it was fitted on; None if on none."""

    @property
    def value(self) -> float:
        """Give the one cut in units of the scores; NaN where there is none."""

    @property
    def by_group(self) -> dict[str, float] | None:
        """Give the cut of each group by name; None where they share one, or there is none."""

    def apply(
        self,
        labels: ArrayLike,
        scores: ArrayLike,
        groups: ArrayLike | None = None,
        group_names: Sequence[str] | None = None,
    ) -> np.ndarray:
        """Predict 0 or 1 for each row, [n].

        Args:
            groups: codes of `group_names`, [n]; wanted where every group has its own cut.
        """


@dataclass(frozen=True)
class Threshold:
    """A cut of the scores: a row is predicted 1 if its score is at or above `value`.

    Args:
        policy: how the value was chosen, such as "fixed" or "youden".
        value: in units of the scores.
        fitted_on: name of the split it was fitted on; None if on none.
        fingerprint: of the rows it was fitted on, see `fingerprint`; None if on none.
    """

    policy: str
    value: float
    fitted_on: str | None = None
    fingerprint: str | None = None

    @property
    def by_group(self) -> None:
        """Say that all groups share the cut."""
        return

    def apply(
        self,
        labels: ArrayLike,
        scores: ArrayLike,
        groups: ArrayLike | None = None,
        group_names: Sequence[str] | None = None,
    ) -> np.ndarray:
        """Predict 0 or 1 for each row, [n]; groups make no difference.

        Raises:
            FairTuneError: these are the very rows the threshold was fitted on, in whatever order; what it scores
                there is optimistic.
        """
        refuse_own_rows(self.policy, self.fitted_on, self.fingerprint, labels, scores)
        return (check_scores(scores) >= self.value).astype(np.int64)


def refuse_own_rows(policy: str, fitted_on: str | None, own: str | None, labels: ArrayLike, scores: ArrayLike) -> None:
    """Raise FairTuneError where the fingerprint `own` is that of these rows."""
    if own is not None and own == fingerprint(labels, scores):
        raise FairTuneError(
            f"The `{policy}` threshold was fitted on these same rows ({fitted_on}); "
            "apply it to another split, or use fixed()."
        )


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
    points = achieved_points(labels, scores, split)
    # Whole numbers, so that equally good cuts tie exactly: J times positives times negatives.
    index = points.true_positives * points.negatives - points.false_positives * points.positives
    return Threshold("youden", float(points.cuts[index.argmax()]), split, fingerprint(labels, scores))


@dataclass(frozen=True, eq=False)
class Given:
    """Decisions that were made elsewhere, such as the class with the highest score; used as they are."""

    policy: str
    predictions: np.ndarray
    fitted_on: None = field(default=None, init=False)
    value: float = field(default=float("nan"), init=False)
    by_group: None = field(default=None, init=False)

    def apply(
        self,
        labels: ArrayLike,
        scores: ArrayLike,
        groups: ArrayLike | None = None,
        group_names: Sequence[str] | None = None,
    ) -> np.ndarray:
        """Return the decisions, [n].

        Raises:
            FairTuneError: there is another number of rows.
        """
        rows = len(np.asarray(labels))
        if rows != len(self.predictions):
            raise FairTuneError(
                f"`{self.policy}` holds {len(self.predictions)} decisions for {rows} rows; pass one a row."
            )
        return self.predictions


def given(predictions: ArrayLike, policy: str = "given") -> Given:
    """Wrap decisions, 0 or 1 for each row, [n], under the name `policy`.

    Raises:
        FairTuneError: a decision is neither 0 nor 1, or there is not one a row.
    """
    array = np.asarray(predictions)
    if array.ndim != 1 or array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        raise FairTuneError(f"`predictions` has shape {array.shape}, type {array.dtype}; pass 0 or 1 for each row.")
    return Given(policy, check_labels(array))


def cut_of(decision: Decision, rows: Rows) -> float | np.ndarray:
    """Return what the bootstrap takes for a cut: the threshold where there is one, else the decisions by row, [n].

    Raises:
        FairTuneError: the rows are those it was fitted on, or it does not fit them.
    """
    predictions = decision.apply(rows.labels, rows.scores, rows.groups, rows.group_names)
    return predictions if np.isnan(decision.value) else decision.value


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
