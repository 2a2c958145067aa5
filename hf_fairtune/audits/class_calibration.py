"""Platt scaling of several classes, which share a slope and have an intercept each, or of findings, one line each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax, logit, softmax

from ..data.probabilities import class_log_odds, probabilities
from ..document.run import ClassCalibration
from ..errors import FairTuneError
from .calibration import EDGE, fit_calibration
from .engine.class_rows import ClassRows, check_class_rows
from .metrics.calibration_slope import CONVERGED, STEPS

# Slopes, intercepts, and the log loss before and after.
Fit = tuple[list[float], list[float], float, float]


def fit_class_calibration(
    labels: ArrayLike, scores: ArrayLike, names: Sequence[str], split: str = "validation"
) -> ClassCalibration:
    """Fit slopes and intercepts by maximum likelihood to smoothed targets; not yet applied.

    Of classes, z are the logits, and the target of a row's own class y is (N_y + 1) / (N_y + k), of every other one
    1 / (N_y + k): of two classes that is Platt's. Of findings each has a line of its own, see `fit_calibration`.

    Args:
        labels: codes of the classes, [n], or of findings 0, 1 or NaN, [n, k].
        scores: probabilities, [n, k].
        names: of the classes or findings, [k].
        split: names the rows, which are never test rows.

    Raises:
        FairTuneError: a class has no rows, or a finding only one label; or a score is not finite.

    Source: Platt 1999, "Probabilistic outputs for support vector machines"; Guo et al. 2017, "On calibration of modern
    neural networks", ICML, for one scale of all logits.
    """
    rows = check_class_rows(labels, scores, np.zeros(len(np.asarray(labels)), int), ["all"], names=names)
    assert isinstance(rows, ClassRows)
    slopes, intercepts, before, after = _fit_shared(rows, split) if rows.exclusive else _fit_each(rows, split)
    by_name = (dict(zip(names, values, strict=True)) for values in (slopes, intercepts))
    return ClassCalibration(next(by_name), next(by_name), split, before, after, applied=False)


def calibrated_scores(found: ClassCalibration, scores: np.ndarray, exclusive: bool) -> np.ndarray:
    """Return the probabilities that calibrated logits have, [n, k]."""
    slopes, intercepts = np.array([*found.slopes.values()]), np.array([*found.intercepts.values()])
    if exclusive:
        odds = class_log_odds(slopes * _logits(scores) + intercepts)
    else:
        odds = slopes * logit(np.clip(scores, EDGE, 1 - EDGE)) + intercepts
    return np.column_stack([probabilities(column) for column in odds.T])


def _logits(scores: np.ndarray) -> np.ndarray:
    """Return logits whose softmax are the scores."""
    return np.log(np.clip(scores, np.finfo(np.float64).tiny, 1))


def _fit_each(rows: ClassRows, split: str) -> Fit:
    """Fit a line a finding; the log loss is the mean over all labels that are known."""
    parts = [rows.of(place) for place in range(len(rows.names))]
    lines, counts = (
        [fit_calibration(own.labels, own.scores, split) for own in parts],
        [len(own.labels) for own in parts],
    )
    before = float(np.average([line.log_loss_before for line in lines], weights=counts))
    after = float(np.average([line.log_loss_after for line in lines], weights=counts))
    return [line.slope for line in lines], [line.intercept for line in lines], before, after


def _fit_shared(rows: ClassRows, split: str) -> Fit:
    """Fit one slope and an intercept a class, these of mean 0."""
    truth, z, size = rows.labels.argmax(axis=1), _logits(rows.scores), len(rows.names)
    counts = rows.labels.sum(axis=0)
    if not counts.all():
        lacking = rows.names[int(counts.argmin())]
        raise FairTuneError(f"`{split}` has no row of the class {lacking!r}; calibration needs rows of every class.")
    targets = np.where(rows.labels == 1, counts[truth][:, None] + 1, 1) / (counts[truth][:, None] + size)
    line = _newton(targets, z) if np.ptp(z, axis=0).any() else np.append(0.0, np.log(targets.mean(axis=0)))
    slope, biases = float(line[0]), line[1:] - line[1:].mean()
    losses = [-log_softmax(own, axis=1)[np.arange(len(z)), truth].mean() for own in (z, slope * z + biases)]
    return [slope] * size, biases.tolist(), float(losses[0]), float(losses[1])


def _newton(targets: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Fit targets, [n, k], ~ softmax(slope * z + intercepts) by Newton's method with halved steps: [1 + k].

    The last intercept stays 0. The loss is convex, and smoothed targets keep its lowest point finite.
    """
    n, size = z.shape
    line, step = np.append(1.0, np.zeros(size)), np.zeros(size)
    for _ in range(STEPS):
        chances = softmax(line[0] * z + line[1:], axis=1)
        rest = chances - targets
        slope = np.append((rest * z).sum(), rest.sum(axis=0)[:-1]) / n
        centred = z - (chances * z).sum(axis=1, keepdims=True)
        cross = (chances * centred).sum(axis=0)[:-1]
        whole = np.diag(chances.sum(axis=0)) - chances.T @ chances
        hessian = np.block([[(chances * z * centred).sum(), cross], [cross[:, None], whole[:-1, :-1]]]) / n
        step = np.linalg.lstsq(hessian, slope, rcond=None)[0]
        ahead = line - np.append(step, 0.0)
        loss, halved = _loss(targets, z, line), 0
        while not _loss(targets, z, ahead) <= loss and halved < STEPS:
            step, halved = step / 2, halved + 1
            ahead = line - np.append(step, 0.0)
        line = ahead
        if np.abs(step).max() <= 1e-12 * (1 + np.abs(line).max()):
            break
    rest = softmax(line[0] * z + line[1:], axis=1) - targets
    if not max(abs((rest * z).sum()), np.abs(rest.sum(axis=0)).max()) / n < CONVERGED:
        raise FairTuneError("the scores nearly separate the classes, so that no calibration was found; leave it out.")
    return line


def _loss(targets: np.ndarray, z: np.ndarray, line: np.ndarray) -> float:
    return float(-(targets * log_softmax(line[0] * z + line[1:], axis=1)).sum())
