"""Expected calibration error, with the error that chance alone makes.

Definition: Rows are sorted by predicted probability and cut into bins of equal size; the value is the sum over bins of
(rows of the bin / all rows) * |share of positives - mean predicted probability|. Rows of one score stay in one bin.
The null is the same value for labels redrawn from the predicted probabilities, under which every model is calibrated;
the excess is value minus mean of the null.

Range: 0 to 1; the excess lies around 0 for a calibrated model, and may be negative.

Direction: Lower is better; read the excess, not the value.

Traps: It is positive for a calibrated model, the more so the fewer rows there are (about 0.1 at 50 rows and 10 bins),
so the smaller group always looks worse: only the excess may be compared between groups. It depends on the number of
bins. It is blind to errors that cancel within a bin.

Citation: Pakdaman Naeini, Cooper & Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning",
AAAI; redrawn labels: Broecker & Smith 2007, "Increasing the reliability of reliability diagrams", Weather and
Forecasting 22.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan as NAN

import numpy as np
from scipy.stats import rankdata

BINS = 10
DRAWS = 1000
# Rows next to each other in score are redrawn as one binomial where there are more rows than this.
SLICES = 2000


@dataclass(frozen=True)
class CalibrationNull:
    """Expected calibration error of a calibrated model on the same scores, and how the observed one compares.

    Args:
        mean: of the error over draws.
        high: its 95th percentile.
        p: share of draws, the observed one among them, with an error at or above the observed.
    """

    mean: float = NAN
    high: float = NAN
    p: float = NAN


def expected_calibration_error(labels: np.ndarray, scores: np.ndarray, bins: int = BINS) -> float:
    """Compute the expected calibration error over bins of equal size; NaN without rows.

    Args:
        labels: 0 or 1, [n].
        scores: probabilities of class 1, [n].
        bins: how many, where no scores tie.
    """
    if not len(scores):
        return NAN
    surplus = np.bincount(equal_mass_bins(scores, bins), weights=np.asarray(labels) - scores)
    return float(np.abs(surplus).sum() / len(scores))


def equal_mass_bins(scores: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Number the bin of each row by its place among the sorted scores, [n] in 0..bins-1.

    Tied scores share the middle of their places, and so a bin: the order of rows does not matter.
    """
    # In whole numbers, for middles of places are halves and may lie on the edge of a bin.
    halves = np.rint(2 * rankdata(scores) - 1).astype(np.int64)
    return halves * bins // (2 * max(len(scores), 1))


def redrawn_null(
    labels: np.ndarray, scores: np.ndarray, rng: np.random.Generator, draws: int = DRAWS, bins: int = BINS
) -> CalibrationNull:
    """Redraw the labels from the scores, each row by itself, and compute the error each time.

    Above `SLICES` rows, neighbours in score are drawn together as a binomial of their mean score, which differs from
    drawing each by the spread of scores within a slice; up to there every row is drawn.

    Args:
        labels: 0 or 1, [n], independent given the scores.
        scores: probabilities of class 1, [n].
        rng: source of the draws.
        draws: how many.
        bins: as for `expected_calibration_error`.
    """
    n = len(scores)
    if not n:
        return CalibrationNull()
    ordered, codes = np.sort(scores), np.sort(equal_mass_bins(scores, bins))
    key = codes * SLICES + np.arange(n) * SLICES // max(n, SLICES)
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if n > SLICES else np.arange(n)
    sizes = np.diff(np.r_[starts, n])
    chances = np.clip(np.add.reduceat(ordered, starts) / sizes, 0.0, 1.0)
    first = np.flatnonzero(np.r_[True, np.diff(codes[starts]) > 0])
    surplus = np.add.reduceat(_redrawn(rng, sizes, chances, draws) - sizes * chances, first, axis=1)
    return compared(np.abs(surplus).sum(axis=1) / n, expected_calibration_error(labels, scores, bins))


def _redrawn(rng: np.random.Generator, sizes: np.ndarray, chances: np.ndarray, draws: int) -> np.ndarray:
    """Draw positives of each slice, [draws, n_slices]."""
    if sizes.max() == 1:
        return (rng.random((draws, len(sizes))) < chances).astype(np.float64)
    return rng.binomial(sizes, chances, (draws, len(sizes))).astype(np.float64)


def flipped_null(
    labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray, rng: np.random.Generator, draws: int = DRAWS
) -> CalibrationNull:
    """Turn the residuals of whole clusters over at random and compute the error each time.

    Labels within a cluster are not independent given the scores, so they cannot be redrawn row by row. Where the model
    is calibrated every cluster's residuals have mean 0, and their sums keep their variance when their sign is turned.
    With few clusters p is somewhat too small: of calibrated models, it calls about 8 % wrong at the 5 % level where
    there are 30 to 50 clusters, 6 % where there are 100.

    Args:
        labels: 0 or 1, [n].
        scores: probabilities of class 1, [n].
        clusters: codes, [n].
        rng: source of the draws.
        draws: how many.

    Source: Cameron, Gelbach & Miller 2008, "Bootstrap-based improvements for inference with clustered errors", for
    signs by cluster.
    """
    if not len(scores):
        return CalibrationNull()
    codes = np.unique(clusters, return_inverse=True)[1]
    # Many clusters are turned in lots of several: their residuals are independent of each other already.
    lots = rng.integers(SLICES, size=codes.max() + 1)[codes] if codes.max() >= SLICES else codes
    cells = lots * BINS + equal_mass_bins(scores)
    surplus = np.bincount(cells, weights=labels - scores, minlength=(lots.max() + 1) * BINS).reshape(-1, BINS)
    signs = rng.integers(2, size=(draws, len(surplus))) * 2.0 - 1.0
    return compared(np.abs(signs @ surplus).sum(axis=1) / len(scores), expected_calibration_error(labels, scores))


def compared(errors: np.ndarray, observed: float) -> CalibrationNull:
    """Summarise the errors of the draws, [draws], against the observed one; ties count for the null."""
    reached = int((errors >= observed - 1e-12).sum())
    return CalibrationNull(float(errors.mean()), float(np.quantile(errors, 0.95)), (1 + reached) / (1 + len(errors)))
