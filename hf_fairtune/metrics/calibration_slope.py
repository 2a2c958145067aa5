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
CONVERGED = 1e-7
NOT_FOUND = "the scores all but separate the classes, no slope can be computed"


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

    Both are NaN where double precision cannot tell the rows from separated ones.

    Args:
        labels: 0 or 1, [n], not separated by z.
        z: not constant, [n].
    """
    centre, scale = float(z.mean()), float(z.std())
    x = (z - centre) / scale
    line = np.zeros(2)
    loss, step = _loss(labels, x, line), _newton_step(labels, x, line)
    for _ in range(STEPS):
        ahead = _loss(labels, x, line - step)
        if ahead <= loss:
            line, loss, step = line - step, ahead, _newton_step(labels, x, line - step)
        else:
            step = step / 2
        if np.abs(step).max() <= 1e-12 * (1 + np.abs(line).max()):
            break
    residual = expit(line[0] * x + line[1]) - labels
    if not max(abs(residual.mean()), abs((residual * x).mean())) < CONVERGED:
        return float("nan"), float("nan")
    return float(line[0] / scale), float(line[1] - line[0] * centre / scale)


def _loss(labels: np.ndarray, x: np.ndarray, line: np.ndarray) -> float:
    eta = line[0] * x + line[1]
    return float(np.mean(np.logaddexp(0, eta) - labels * eta))


def _newton_step(labels: np.ndarray, x: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Solve for the step around the weighted mean of x, where slope and constant do not mix: slope, constant."""
    chance = expit(line[0] * x + line[1])
    residual, weight = chance - labels, chance * (1 - chance)
    total = weight.sum()
    if not total > 0:
        return np.zeros(2)
    middle = float(weight @ x) / total
    information = float(weight @ (x - middle) ** 2)
    slope = float(residual @ (x - middle)) / information if information > 0 else 0.0
    return np.array([slope, float(residual.sum()) / total - slope * middle])
