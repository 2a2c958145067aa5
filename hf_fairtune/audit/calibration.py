"""Platt scaling: a straight line through the log-odds of the scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit

from ..errors import FairTuneError
from .engine.rows import check_labels, check_scores
from .metrics.calibration_slope import log_loss, logistic_line

# Nearest to 0 and 1 that a score may come: there double precision ends, at log-odds of about 37.
EDGE = float(np.finfo(np.float64).epsneg)


@dataclass(frozen=True)
class Calibration:
    """Calibrated log-odds are slope * z + intercept, z = log(score / (1 - score)).

    Args:
        slope: above 1 where the scores were too timid, below 1 where they were too bold, at or below 0 where they do
            not rank the rows it was fitted on; then do not apply it.
        intercept: in log-odds.
        fitted_on: name of the split.
        log_loss_before: mean log loss of the scores there, in nats.
        log_loss_after: of the calibrated scores there, in nats.
    """

    slope: float
    intercept: float
    fitted_on: str
    log_loss_before: float
    log_loss_after: float


def fit_calibration(labels: ArrayLike, scores: ArrayLike, split: str = "validation") -> Calibration:
    """Fit slope and intercept by maximum likelihood to Platt's smoothed targets.

    The targets are (N+ + 1) / (N+ + 2) for positives and 1 / (N- + 2) for negatives, so that rows which the scores
    separate still have a finite fit. Where all scores are equal, the slope is 0.

    Args:
        labels: 0 or 1, [n].
        scores: probabilities of class 1, [n].
        split: name of the rows it is fitted on; never the test split.

    Raises:
        FairTuneError: a class is missing, or the scores are no probabilities.

    Source: Platt 1999, "Probabilistic outputs for support vector machines".
    """
    truth, values = check_labels(labels), check_scores(scores)
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        low, high = values.min(), values.max()
        raise FairTuneError(f"`scores` run from {low:.4g} to {high:.4g}; pass probabilities of class 1.")
    if truth.shape != values.shape:
        raise FairTuneError(
            f"`labels` has shape {truth.shape} and `scores` {values.shape}; pass one value a row in each."
        )
    positives = int(truth.sum())
    if positives in (0, len(truth)):
        raise FairTuneError(
            f"`{split}` has {positives} positives in {len(truth)} rows; calibration needs both classes."
        )
    z = np.asarray(logit(np.clip(values, EDGE, 1 - EDGE)))
    targets = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (len(truth) - positives + 2))
    slope, intercept = (0.0, float(logit(targets.mean()))) if np.ptp(z) == 0 else logistic_line(targets, z)
    return Calibration(slope, intercept, split, log_loss(truth, z), log_loss(truth, slope * z + intercept))
