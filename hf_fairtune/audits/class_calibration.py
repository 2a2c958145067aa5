"""Platt scaling of several classes, which share a slope and have an intercept each, or of findings, one line each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax, logit, softmax

from ..data.probabilities import class_log_odds, probabilities
from ..document.estimate import Reason, ReasonKind, Unit
from ..document.run import ClassCalibration
from .calibration import EDGE, fit_calibration
from .engine.class_rows import ClassRows, check_class_rows
from .metrics.calibration_slope import CONVERGED, STEPS, log_loss

# Below it a probability in double precision no longer tells its logarithm.
LEAST = float(np.finfo(np.float64).tiny)
SIDES: dict[Unit, int] = {"positives": 1, "negatives": 0}


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

    A finding of which the rows have one label, or that is not ranked, is left as it is, and `reasons` say so. Slopes
    are 0, and not to be applied, where no finding has a line, or classes have none: rows of one class, scores that
    double precision holds no logits of, or no lowest point found.

    Raises:
        FairTuneError: a score is not finite.

    Source: Platt 1999, "Probabilistic outputs for support vector machines"; Guo et al. 2017, "On calibration of modern
    neural networks", ICML, for one scale of all logits.
    """
    rows = check_class_rows(labels, scores, np.zeros(len(np.asarray(labels)), int), ["all"], names=names)
    assert isinstance(rows, ClassRows)
    if not rows.exclusive:
        return _fit_each(rows, split)
    return _fit_shared(rows, split)


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
    return np.log(np.clip(scores, LEAST, 1))


def _fit_each(rows: ClassRows, split: str) -> ClassCalibration:
    """Fit a line a finding; the log loss is the mean over all labels that are known."""
    slopes, intercepts, losses, counts = dict[str, float](), dict[str, float](), [], []
    reasons = tuple[Reason, ...]()
    for place, name in enumerate(rows.names):
        own = rows.of(place)
        lacking = [unit for unit, label in SIDES.items() if not (own.labels == label).any()]
        line = None if lacking else fit_calibration(own.labels, own.scores, split)
        if line is not None and line.slope > 0:
            slopes[name], intercepts[name] = line.slope, line.intercept
        else:
            kind: ReasonKind = "nearly_separated" if line and np.isnan(line.slope) else "no_ranking"
            why = Reason(kind, name) if line else Reason("too_few", name, lacking[0], 0, 1)
            reasons, slopes[name], intercepts[name] = (*reasons, why), 1.0, 0.0
        before = line.log_loss_before if line else log_loss(own.labels, logit(np.clip(own.scores, EDGE, 1 - EDGE)))
        losses.append((before, line.log_loss_after if line and line.slope > 0 else before))
        counts.append(len(own.labels))
    before, after = np.average(losses, axis=0, weights=counts).tolist()
    if len(reasons) == len(rows.names):
        slopes = dict.fromkeys(rows.names, 0.0)
    return ClassCalibration(slopes, intercepts, split, before, after, applied=False, reasons=reasons)


def _fit_shared(rows: ClassRows, split: str) -> ClassCalibration:
    """Fit one slope and an intercept a class, these of mean 0; slope 0 and a reason where there is no fit."""
    truth, z, size = rows.labels.argmax(axis=1), _logits(rows.scores), len(rows.names)
    counts = rows.labels.sum(axis=0)
    targets = np.where(rows.labels == 1, counts[truth][:, None] + 1, 1) / (counts[truth][:, None] + size)
    line, reasons = np.zeros(1 + size), tuple[Reason, ...]()
    if (counts > 0).sum() < 2:
        lacking = [name for name, count in zip(rows.names, counts, strict=True) if not count]
        reasons = tuple(Reason("too_few", name, "positives", 0, 1) for name in lacking)
    elif rows.scores.min() < LEAST:
        reasons = (Reason("no_log_odds"),)
    elif not np.ptp(z, axis=0).any():
        line[1:] = np.log(targets.mean(axis=0))
    elif np.isnan(found := _newton(targets, z)).any():
        reasons = (Reason("nearly_separated"),)
    else:
        line = found
    slope, biases = float(line[0]), line[1:] - line[1:].mean()
    logits = z if reasons else slope * z + biases
    before, after = (float(-log_softmax(own, axis=1)[np.arange(len(z)), truth].mean()) for own in (z, logits))
    slopes, intercepts = dict.fromkeys(rows.names, slope), dict(zip(rows.names, biases.tolist(), strict=True))
    return ClassCalibration(slopes, intercepts, split, before, after, applied=False, reasons=reasons)


def _newton(targets: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Fit targets, [n, k], ~ softmax(slope * z + intercepts) by Newton's method with halved steps: [1 + k].

    The last intercept stays 0. The loss is convex, and smoothed targets keep its lowest point finite; NaN where double
    precision does not find it.
    """
    n, size = z.shape
    z = z - z.mean(axis=1, keepdims=True)
    scale = float(z.std())
    z = z / scale
    # Where the scores separate the classes, a start at their own slope is flat.
    line, step = np.zeros(1 + size), np.zeros(size)
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
        return np.full(1 + size, np.nan)
    return np.append(line[0] / scale, line[1:])


def _loss(targets: np.ndarray, z: np.ndarray, line: np.ndarray) -> float:
    return float(-(targets * log_softmax(line[0] * z + line[1:], axis=1)).sum())
