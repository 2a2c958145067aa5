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

import numpy as np
from scipy.stats import rankdata

from ...document.curves import ReliabilityBin, ReliabilityCurve
from ...document.estimate import NAN
from ..engine.proportions import wilson
from ..engine.resampled_rows import ResampledRows
from .metric import Metric

METRIC = Metric(better="lower")
BINS = 10
DRAWS = 1000
# Rows next to each other in score are redrawn as one binomial where there are more rows than this.
SLICES = 2000


def expected_calibration_error(labels: np.ndarray, scores: np.ndarray) -> float:
    """Compute the error of probabilities of class 1, [n]; NaN without rows."""
    if not len(scores):
        return NAN
    surplus = np.bincount(equal_mass_bins(scores), weights=np.asarray(labels) - scores)
    return float(np.abs(surplus).sum() / len(scores))


def equal_mass_bins(scores: np.ndarray) -> np.ndarray:
    """Number the bin of each row by its place among the sorted scores, [n].

    Tied scores share the middle of their places, and so a bin: the order of rows does not matter.
    """
    # In whole numbers, for middles of places are halves and may lie on the edge of a bin.
    halves = np.rint(2 * rankdata(scores) - 1).astype(np.int64)
    return halves * BINS // (2 * max(len(scores), 1))


def calibration_null(
    labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray | None, rng: np.random.Generator, draws: int = DRAWS
) -> tuple[float, float, float]:
    """Compute the error of a calibrated model on the same scores many times, and compare the observed one.

    Labels are redrawn from the scores; where clusters hold several rows, residuals of whole clusters turn over.

    Returns:
        Mean of the error over draws, its 95th percentile, and the share of draws, the observed one among them, with an
        error at or above the observed; NaN without rows.
    """
    if not len(scores):
        return NAN, NAN, NAN
    if clusters is None or len(np.unique(clusters)) == len(labels):
        errors = redrawn_errors(scores, rng, draws)
    else:
        errors = flipped_errors(labels, scores, clusters, rng, draws)
    reached = int((errors >= expected_calibration_error(labels, scores) - 1e-12).sum())
    return float(errors.mean()), float(np.quantile(errors, 0.95)), (1 + reached) / (1 + len(errors))


def redrawn_errors(scores: np.ndarray, rng: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
    """Redraw labels from the scores, each row by itself, and compute the error each time, [draws].

    Above `SLICES` rows, neighbours in score are drawn together as a binomial of their mean score, which differs from
    drawing each by the spread of scores within a slice; up to there every row is drawn.
    """
    n = len(scores)
    ordered, codes = np.sort(scores), np.sort(equal_mass_bins(scores))
    key = codes * SLICES + np.arange(n) * SLICES // max(n, SLICES)
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if n > SLICES else np.arange(n)
    sizes = np.diff(np.r_[starts, n])
    chances = np.clip(np.add.reduceat(ordered, starts) / sizes, 0.0, 1.0)
    first = np.flatnonzero(np.r_[True, np.diff(codes[starts]) > 0])
    shape = (draws, len(sizes))
    positives = rng.random(shape) < chances if sizes.max() == 1 else rng.binomial(sizes, chances, shape)
    surplus = np.add.reduceat(positives.astype(np.float64) - sizes * chances, first, axis=1)
    return np.asarray(np.abs(surplus).sum(axis=1) / n)


def flipped_errors(
    labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray, rng: np.random.Generator, draws: int = DRAWS
) -> np.ndarray:
    """Turn the residuals of whole clusters over at random and compute the error each time, [draws].

    Labels within a cluster are not independent given the scores, so they cannot be redrawn row by row. Where the model
    is calibrated every cluster's residuals have mean 0, and their sums keep their variance when their sign is turned.
    With few clusters p is somewhat too small: of calibrated models, it calls about 8 % wrong at the 5 % level where
    there are 30 to 50 clusters, 6 % where there are 100.

    Source: Cameron, Gelbach & Miller 2008, "Bootstrap-based improvements for inference with clustered errors", for
    signs by cluster.
    """
    codes = np.unique(clusters, return_inverse=True)[1]
    # Many clusters are turned in lots of several: their residuals are independent of each other already.
    lots = rng.integers(SLICES, size=codes.max() + 1)[codes] if codes.max() >= SLICES else codes
    cells = lots * BINS + equal_mass_bins(scores)
    surplus = np.bincount(cells, weights=labels - scores, minlength=(lots.max() + 1) * BINS).reshape(-1, BINS)
    signs = rng.integers(2, size=(draws, len(surplus))) * 2.0 - 1.0
    return np.asarray(np.abs(signs @ surplus).sum(axis=1) / len(scores))


def reliability_curves(resampled: ResampledRows) -> list[ReliabilityCurve] | None:
    """Compare mean score and share of positives in the bins of each group, with Wilson's interval of the share.

    Where there are clusters, the interval counts clusters for rows, which is too wide rather than too narrow. None
    where scores leave [0, 1].
    """
    if resampled.rows.scores.min() < 0 or resampled.rows.scores.max() > 1:
        return None
    curves = []
    for code, name in enumerate(resampled.rows.group_names):
        part = resampled.inside(code)
        place = equal_mass_bins(part.scores)
        sizes, sums = np.bincount(place, minlength=BINS), np.bincount(place, part.scores, BINS)
        units, shown = sizes, np.flatnonzero(sizes)
        if part.clusters is not None and len(place):
            step = int(part.clusters.max()) + 1
            units = np.bincount(np.unique(place * step + part.clusters) // step, minlength=BINS)
        observed = np.bincount(place, part.labels, BINS)[shown] / sizes[shown]
        _, low, high = wilson(observed * units[shown], units[shown], resampled.confidence)
        columns = map(np.ndarray.tolist, (sums[shown] / sizes[shown], observed, low, high, sizes[shown]))
        curves.append(ReliabilityCurve(name, list(map(ReliabilityBin, *columns))))
    return curves
