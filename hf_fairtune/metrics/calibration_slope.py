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

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

STEPS = 200


def calibration_slope(labels: np.ndarray, scores: np.ndarray) -> float:
    """Fit the slope by maximum likelihood; NaN where `no_slope` says why.

    Args:
        labels: 0 or 1, [n].
        scores: probabilities of class 1, [n].
    """
    return float("nan") if no_slope(labels, scores) else logistic_line(labels, logit(scores))[0]


def no_slope(labels: np.ndarray, scores: np.ndarray) -> str | None:
    """Say why there is no slope (see the traps above); None where there is one."""
    if not len(labels):
        return "no rows"
    if np.min(labels) == np.max(labels):
        return "no positives" if np.max(labels) == 0 else "no negatives"
    if np.min(scores) <= 0 or np.max(scores) >= 1:
        return "scores of exactly 0 or 1 have no log-odds"
    z = logit(scores)
    if z.min() == z.max():
        return "all scores are equal"
    high, low = z[np.asarray(labels) == 1], z[np.asarray(labels) == 0]
    separated = high.min() >= low.max() or high.max() <= low.min()
    return "the scores separate the classes, no finite slope fits best" if separated else None


def logistic_line(labels: np.ndarray, z: np.ndarray) -> tuple[float, float]:
    """Fit labels ~ expit(slope * z + intercept) by Newton's method with halved steps; returns slope and intercept.

    Args:
        labels: 0 or 1, [n], not separated by z.
        z: not constant, [n].
    """
    centre, scale = float(z.mean()), float(z.std())
    x = (z - centre) / scale
    line = np.zeros(2)
    loss = _loss(labels, x, line)
    for _ in range(STEPS):
        step = _newton_step(labels, x, line)
        ahead = _loss(labels, x, line - step)
        while ahead > loss and np.abs(step).max() > 1e-12:
            step = step / 2
            ahead = _loss(labels, x, line - step)
        if np.abs(step).max() <= 1e-12 * (1 + np.abs(line).max()) or ahead > loss:
            break
        line, loss = line - step, ahead
    return float(line[0] / scale), float(line[1] - line[0] * centre / scale)


def _loss(labels: np.ndarray, x: np.ndarray, line: np.ndarray) -> float:
    eta = line[0] * x + line[1]
    return float(np.mean(np.logaddexp(0, eta) - labels * eta))


def _newton_step(labels: np.ndarray, x: np.ndarray, line: np.ndarray) -> np.ndarray:
    chance = expit(line[0] * x + line[1])
    residual, weight = chance - labels, chance * (1 - chance)
    gradient = np.array([residual @ x, residual.sum()])
    slope, both = weight @ (x * x), weight @ x
    return np.linalg.solve(np.array([[slope, both], [both, weight.sum()]]), gradient)
