"""Shares of rows: counts of decisions, and intervals of a share and of a paired difference of shares."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtri

WILSON = "Wilson"
CLOPPER_PEARSON = "Clopper-Pearson"
CLUSTERED_CLOPPER_PEARSON = "Clopper-Pearson on rows over the design effect (Korn-Graubard)"
CLUSTERED_WILSON = "Wilson on rows over the design effect"
BONETT_PRICE = "Bonett-Price"
CLUSTERED_BONETT_PRICE = "Bonett-Price on rows over the design effect"
# The cells of a confusion table as they are kept, and the counts that are sums of several.
CELLS = ("true_negatives", "false_positives", "false_negatives", "true_positives")
SUMS = {
    "positives": ("false_negatives", "true_positives"),
    "negatives": ("true_negatives", "false_positives"),
    "predicted_positives": ("false_positives", "true_positives"),
    "predicted_negatives": ("true_negatives", "false_negatives"),
    "rows": CELLS,
}


def confusion(
    labels: np.ndarray,
    predictions: np.ndarray,
    groups: np.ndarray,
    n_groups: int,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Count `CELLS` by group and, last, in all rows: [4, n_groups + 1]; labels and predictions are 0 or 1, [n].

    Counts are of rows, int, or with weights, [n], their sums.
    """
    places = groups * 4 + labels * 2 + predictions
    cells = np.bincount(places, weights, minlength=4 * n_groups).reshape(n_groups, 4).T
    return np.column_stack([cells, cells.sum(axis=1)])


def cells_of(*names: str) -> list[int]:
    """Return the places among `CELLS` that make up counts, by name of `CELLS` and `SUMS`."""
    places: list[int] = []
    for name in names:
        places += map(CELLS.index, SUMS.get(name, (name,)))
    return places


def total(counts: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Add up counts by name: [4, ...] -> [...]."""
    return np.asarray(counts[cells_of(*names)].sum(axis=0))


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divide elementwise; NaN, without a warning, where the denominator is 0."""
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator != 0)


def wilson(successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> np.ndarray:
    """Compute proportions with their score intervals: rate, low and high, [3, ...]; NaN for no trials.

    Trials are counted, or an effective number of them where rows belong together.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference"; keeps its coverage
    in small samples and a width at 0 and 1.
    """
    hits, cases = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    cases = np.where(cases > 0, cases, np.nan)
    z = float(ndtri((1 + confidence) / 2))
    rate, shrink = hits / cases, 1 + z * z / cases
    centre = (rate + z * z / (2 * cases)) / shrink
    half = z / shrink * np.sqrt(rate * (1 - rate) / cases + z * z / (4 * cases * cases))
    # At the ends the bound is the rate itself; rounding must not push it past.
    return np.stack([rate, np.where(hits == 0, rate, centre - half), np.where(hits == cases, rate, centre + half)])


def clopper_pearson(successes: float, trials: float, confidence: float) -> tuple[float, float, float]:
    """Compute a proportion with its exact interval, which no true one is outside of more often than it claims.

    Unlike a score interval it keeps that at the very high levels that many tests ask for. Trials are counted, or an
    effective number of them.

    Source: Clopper & Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial";
    Korn & Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts estimated
    from survey data", Survey Methodology 24, for an effective number.
    """
    tail, misses = (1 - confidence) / 2, trials - successes
    low = float(betaincinv(successes, misses + 1, tail)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, misses, 1 - tail)) if misses > 0 else 1.0
    return successes / trials, low, high


def mover(
    terms: Sequence[Sequence[float]], weights: tuple[float, float], correlation: float = 0.0
) -> tuple[float, float, float]:
    """Compute a weighted sum of two numbers, low and high, from the numbers' own values, lows and highs.

    low = s - sqrt(d1^2 + d2^2 + 2 r d1 d2), d being what each term loses between its value and the end that makes the
    sum lower, with the sign of its weight, and r the numbers' correlation; high alike. Terms are [2, 3].

    Source: Zou & Donner 2008, "Construction of confidence limits about effect measures", Statistics in Medicine 27;
    with a correlation Zou 2007, "Toward using confidence intervals to compare correlations", Psychological Methods 12.
    """
    (value, low, high), (other, least, most) = terms
    first, second = weights
    shared, found = correlation * math.copysign(1.0, first * second), [first * value + second * other]
    for side in (-1, 1):
        one = first * ((high if first * side > 0 else low) - value)
        two = second * ((most if second * side > 0 else least) - other)
        squared = one**2 + two**2 + 2 * shared * one * two
        # Rounding may push it below 0; an end that is missing stays NaN.
        found.append(found[0] + side * (0.0 if squared < 0 else math.sqrt(squared)))
    return found[0], found[1], found[2]


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Correlate two means over clusters, from how far each cluster moves either, [n_clusters]; 0 where one never does.

    Exactly 0 where no cluster moves both.
    """
    size = float(first @ first) * float(second @ second)
    return float(first @ second) / math.sqrt(size) if size > 0 else 0.0


def paired_difference(
    gained: float, lost: float, trials: float, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Compute the difference of two proportions over the same cases, low and high.

    Only the first has the `gained` cases, only the second the `lost` ones, of all `trials`: counted, or effective
    numbers of them where rows belong together.

    Source: Bonett & Price 2012, "Adjusted Wald confidence interval for a difference of binomial proportions based on
    paired data": one more case on either side, which keeps its coverage where few cases differ, and a width where none
    does.
    """
    first, second = (gained + 1) / (trials + 2), (lost + 1) / (trials + 2)
    centre, z = first - second, float(ndtri((1 + confidence) / 2))
    half = z * math.sqrt((first + second - centre**2) / (trials + 2))
    return (gained - lost) / trials, max(-1.0, centre - half), min(1.0, centre + half)
