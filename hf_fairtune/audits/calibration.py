"""Platt scaling: a straight line through the log-odds of the scores."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit

from ..document.run import CalibrationFacts
from ..errors import FairTuneError
from .engine.rows import check_labels, check_scores
from .metrics.calibration_slope import log_loss, logistic_line

# Nearest to 0 and 1 that a score may come: there double precision ends, at log-odds of about 37.
EDGE = float(np.finfo(np.float64).epsneg)


def fit_calibration(labels: ArrayLike, scores: ArrayLike, split: str = "validation") -> CalibrationFacts:
    """Fit slope and intercept by maximum likelihood to Platt's smoothed targets; not yet applied.

    The targets are (N+ + 1) / (N+ + 2) for positives and 1 / (N- + 2) for negatives, so that rows which the scores
    separate still have a finite fit. Where all scores are equal, the slope is 0. It is above 1 where the scores were
    too timid, below 1 where they were too bold, at or below 0 where they do not rank the rows: then do not apply it.

    Labels are 0 or 1, scores probabilities of class 1, [n] each; `split` names the rows, which are never test rows.

    Raises:
        FairTuneError: a class is missing, or a score is not finite.

    Source: Platt 1999, "Probabilistic outputs for support vector machines".
    """
    truth, values = check_labels(labels), check_scores(scores)
    positives = int(truth.sum())
    if positives in (0, len(truth)):
        raise FairTuneError(
            f"`{split}` has {positives} positives in {len(truth)} rows; calibration needs both classes."
        )
    z = np.asarray(logit(np.clip(values, EDGE, 1 - EDGE)))
    targets = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (len(truth) - positives + 2))
    slope, intercept = (0.0, float(logit(targets.mean()))) if np.ptp(z) == 0 else logistic_line(targets, z)
    losses = log_loss(truth, z), log_loss(truth, slope * z + intercept)
    return CalibrationFacts(slope, intercept, split, *losses, applied=False)
