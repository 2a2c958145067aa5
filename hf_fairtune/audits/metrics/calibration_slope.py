"""Calibration slope.

Definition: The slope b of the maximum likelihood logistic regression of the labels on logit(p), p being the predicted
probability: chance of class 1 = expit(a + b logit(p)).

Range: Any number. 1: as spread out as they should be; between 0 and 1: too extreme (too bold); above 1: too timid;
at or below 0: the scores do not rank these rows.

Direction: Nearest to 1 is best.

Traps: 1 alone does not mean calibrated: read it with the calibration intercept. Among few positives its interval is
wide, and a slope below 1 in a small group is no finding without it. Undefined (NaN), and not made finite by smoothing,
where a class is missing, all scores are equal, a score of exactly 0 or 1 has no log-odds, or the scores separate the
classes.

Citation: Cox 1958, "Two further applications of a model for binary regression", Biometrika 45; Van Calster et al.
2019, "Calibration: the Achilles heel of predictive analytics", BMC Medicine 17.
"""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from ...document.estimate import NAN, Estimate, Reason, undefined
from ..engine.influence import SANDWICH, influence_interval
from ..engine.proportions import ratio
from .metric import Metric

METRIC = Metric(better="nearer", limits=(-math.inf, math.inf))
CONVENTIONS = {
    "calibration_intercept": Metric(
        better="nearer",
        limits=(-math.inf, math.inf),
        text="""
Calibration intercept (calibration in the large).

Definition: The constant a for which expit(logit(p) + a) has the same mean as the labels, p being the predicted
probability: the maximum likelihood estimate of a logistic regression of the labels on a constant, with logit(p) as an
offset whose slope is fixed at 1.

Range: Any number, in log-odds. 0: as many positives as predicted; above 0: more than predicted (risk was
underestimated); below 0: fewer.

Direction: Nearest to 0 is best.

Traps: It is not the intercept of the line that is fitted for the calibration slope. It follows prevalence: rows
rebalanced by group and label move it although the model is the same. It says nothing about single scores. Undefined
(NaN) where a class is missing, and where a score of exactly 0 or 1 has no log-odds.

Citation: Cox 1958, "Two further applications of a model for binary regression", Biometrika 45; Van Calster et al.
2019, "Calibration: the Achilles heel of predictive analytics", BMC Medicine 17.
""",
    )
}
STEPS = 200
CONVERGED = 1e-7


def calibration_slope(
    labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray | None = None, confidence: float = 0.95
) -> Estimate:
    """Fit the calibration slope and give it the interval of its sandwich variance; NaN with a reason for none.

    A row moves it by its score over the information, see `influence_interval`. Scores are probabilities of class 1.
    """
    reason = no_line(labels, scores, slope=True)
    if reason:
        return undefined(SANDWICH, reason)
    z = logit(scores)
    slope, constant = logistic_line(labels, z)
    if math.isnan(slope):
        return undefined(SANDWICH, Reason("nearly_separated"))
    # Around its weighted mean z is orthogonal to the constant, so that the information has no cross term.
    chance = expit(slope * z + constant)
    weight = chance * (1 - chance)
    centred = z - np.average(z, weights=weight) if weight.sum() > 0 else z
    moves = ratio(centred * (labels - chance), weight @ centred**2)
    return influence_interval(slope, moves, clusters, confidence)


def calibration_intercept(
    labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray | None = None, confidence: float = 0.95
) -> Estimate:
    """Fit the calibration intercept, slope fixed at 1, with an interval like that of `calibration_slope`."""
    reason = no_line(labels, scores, slope=False)
    if reason:
        return undefined(SANDWICH, reason)
    offset, share = logit(scores), float(np.mean(labels))
    middle = float(logit(share))

    def surplus(constant: float) -> float:
        return float(expit(offset + constant).mean()) - share

    # At these ends every row's chance is at most, or at least, the share of positives.
    low, high = middle - offset.max() - 1e-6, middle - offset.min() + 1e-6
    value = float(brentq(surplus, low, high, xtol=1e-12, rtol=1e-12))
    chance = expit(offset + value)
    return influence_interval(value, ratio(labels - chance, (chance * (1 - chance)).sum()), clusters, confidence)


def no_line(labels: np.ndarray, scores: np.ndarray, slope: bool) -> Reason | None:
    """Return why there is no intercept, or no `slope`: for that finite ones do not fit equal or separating scores."""
    if not len(labels):
        return Reason("too_few", unit="rows", count=0, needed=1)
    if np.min(labels) == np.max(labels):
        return Reason("too_few", unit="negatives" if np.max(labels) else "positives", count=0, needed=1)
    if np.min(scores) <= 0 or np.max(scores) >= 1:
        return Reason("no_log_odds")
    z = logit(scores)
    if not slope:
        return None
    if z.min() == z.max():
        return Reason("equal_scores")
    high, low = z[np.asarray(labels) == 1], z[np.asarray(labels) == 0]
    return Reason("separated") if high.min() >= low.max() or high.max() <= low.min() else None


def logistic_line(targets: np.ndarray, z: np.ndarray) -> tuple[float, float]:
    """Fit targets, 0 to 1, [n], ~ expit(slope * z + intercept) by Newton's method with halved steps.

    `z` is not constant and does not separate the targets; NaN where double precision cannot tell that.
    """
    centre, scale = float(z.mean()), float(z.std())
    x, line, step = (z - centre) / scale, np.zeros(2), None
    for _ in range(STEPS):
        if step is None:
            # Around its weighted mean x does not mix with the constant.
            chance, loss = expit(line[0] * x + line[1]), log_loss(targets, line[0] * x + line[1])
            residual, weight = chance - targets, chance * (1 - chance)
            total, step = weight.sum(), np.zeros(2)
            if total > 0:
                middle = float(weight @ x) / total
                information = float(weight @ (x - middle) ** 2)
                step[0] = float(residual @ (x - middle)) / information if information > 0 else 0.0
                step[1] = float(residual.sum()) / total - step[0] * middle
        if np.abs(step).max() <= 1e-12 * (1 + np.abs(line).max()):
            break
        ahead = line - step
        if log_loss(targets, ahead[0] * x + ahead[1]) <= loss:
            line, step = ahead, None
        else:
            step = step / 2
    residual = expit(line[0] * x + line[1]) - targets
    if not max(abs(residual.mean()), abs((residual * x).mean())) < CONVERGED:
        return NAN, NAN
    return float(line[0] / scale), float(line[1] - line[0] * centre / scale)


def log_loss(targets: np.ndarray, z: np.ndarray) -> float:
    """Compute the mean log loss of log-odds, in nats, without overflow.

    Source: Lin, Lin & Weng 2007, "A note on Platt's probabilistic outputs for support vector machines", eq. 4 and 5.
    """
    return float(np.mean(np.logaddexp(0, z) - targets * z))
