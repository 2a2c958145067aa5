"""What a comparison of two models can show with so many cases, by the rule of the verdict, before it is made."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri, stdtrit
from scipy.stats import spearmanr

from ..document.comparison import GroupPower, Power
from ..document.estimate import NAN
from .engine.auc_tests import ASSUMED_AUC, POWER
from .engine.delong import auc, share_below
from .engine.resampled_rows import ESTIMABLE
from .engine.rows import ScoredRows

# Of two models' scores within a class, before there are any.
ASSUMED_CORRELATION = 0.9
# Gauss and Legendre's, of integrals of bivariate normal densities.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)
# Independent positives and negatives, or effective clusters of them.
Cases = tuple[float, float]


def comparison_power(
    cases: Mapping[str, Cases],
    value: float = ASSUMED_AUC,
    correlation: float = ASSUMED_CORRELATION,
    confidence: float = 0.95,
) -> Power:
    """Compute which gain each group's cases show in 80 % of comparisons, and which fall they exclude so often.

    As in `verdict.joint_changes`: a gain must clear the interval that is simultaneous over the groups, which all may
    have changed; a fall the one-sided bound, where nothing changed. A t statistic reaches the quantile t_q in a share
    of samples where the true change is (t_q + t_share) errors; simulated, gains are called in 0.80 to 0.87 of
    comparisons and falls excluded in 0.79 to 0.82. NaN below 10 cases of a class, and where no AUC up to 1
    would be called a gain.

    Args:
        cases: of each group that takes part.
        value: AUC of the reference in every group.
        correlation: of both models' scores within a class.
        confidence: level of the intervals.
    """
    estimable = [group for group, own in cases.items() if min(own) >= ESTIMABLE]
    found = []
    for group, own in cases.items():
        if group not in estimable:
            found.append(GroupPower(group, NAN, NAN))
            continue
        called, excluded, reached = stdtrit(
            min(own) - 1, [1 - (1 - confidence) / 2 / len(estimable), confidence, POWER]
        ).tolist()

        def excess(change: float, errors: float = called + reached, own: Cases = own) -> float:
            return errors * change_error(value, value + change, correlation, own) - change

        fall, most = (excluded + reached) * change_error(value, value, correlation, own), 1 - value - 1e-6
        # The error may be 0 where both models are the same.
        gain = 0.0 if excess(0.0) <= 0 else brentq(excess, 0.0, most) if excess(most) <= 0 else NAN
        found.append(GroupPower(group, float(gain), min(1.0, fall)))
    return Power(value, correlation, found)


def change_error(first: float, second: float, correlation: float, cases: Cases) -> float:
    """Compute the standard error of the difference of two AUCs of the same rows, binormal scores of equal variance.

    The variance of a two-sample U statistic, (v11 + (n - 1) v10 + (m - 1) v01) / (m n): v11 is that of the difference
    of both models' wins in a pair, v10 and v01, equal here, the covariance of two pairs that share a positive or a
    negative. Two wins come together as two normal deviates do, whose correlation is that of the scores, or half of it
    in pairs that share one row.

    Source: Hoeffding 1948, "A class of statistics with asymptotically normal distribution"; Bamber 1975, "The area
    above the ordinal dominance graph", for one AUC.
    """
    values, (positives, negatives) = ndtri([first, second]).tolist(), cases

    def spread(alike: float) -> float:
        """Add up variances and covariances of two models' wins, in pairs of which so much is the same."""
        one, other = (_together(value, value, alike) for value in values)
        return one + other - 2 * _together(values[0], values[1], alike * correlation)

    variance = (spread(1.0) + (positives + negatives - 2) * spread(0.5)) / (positives * negatives)
    return math.sqrt(max(0.0, variance))


def _together(first: float, second: float, correlation: float) -> float:
    """Return by how much two normal deviates lie below these values together more often than independent ones.

    Source: Drezner & Wesolowsky 1990, "On the computation of the bivariate normal integral": Plackett's integral of
    the density over the correlation, as a sine.
    """
    end = math.asin(correlation)
    angles = end * (NODES + 1) / 2
    distance = first**2 + second**2 - 2 * first * second * np.sin(angles)
    return float(WEIGHTS @ np.exp(-distance / 2 / np.cos(angles) ** 2)) * end / 4 / math.pi


def effective_cases(rows: ScoredRows, code: int) -> Cases:
    """Count a group's positives and negatives, in effective clusters where there are clusters or weights."""
    found = []
    for label in (1, 0):
        kept = (rows.groups == code) & (rows.labels == label)
        size = float(kept.sum())
        if rows.clusters is not None and size:
            from .engine.clusters import effective_clusters  # only where there are clusters

            size = effective_clusters(rows.clusters[kept], rows.take(kept).weights)
        found.append(size)
    return found[0], found[1]


def power_of(
    rows: ScoredRows, reference_scores: np.ndarray | None, included: Sequence[int], confidence: float
) -> Power:
    """Compute the power of a comparison on these rows, before a group's scores are compared.

    AUC and correlation are those of the two models' scores of all rows, [n]. Both are assumed where there is no
    reference yet, and the correlation where both scores are of one model, the other being still to be trained.
    """
    cases = {rows.group_names[code]: effective_cases(rows, code) for code in included}
    value, together = NAN, NAN
    if reference_scores is not None:
        value, together = auc(rows.labels, reference_scores, rows.weights), score_correlation(rows, reference_scores)
    # At an AUC of 1 there is nothing to gain, and no model of the scores.
    value = value if 0 < value < 1 else ASSUMED_AUC
    return comparison_power(cases, value, ASSUMED_CORRELATION if math.isnan(together) else together, confidence)


def _spearman(first: np.ndarray, second: np.ndarray, weights: np.ndarray | None) -> float:
    if weights is None:
        return float(spearmanr(first, second).statistic)
    every = np.ones(len(weights), dtype=bool)
    ranks = [share_below(own, weights, every, every) for own in (first, second)]
    return float(np.cov(ranks, aweights=weights)[0, 1] / np.sqrt(np.cov(ranks, aweights=weights).diagonal().prod()))


def score_correlation(rows: ScoredRows, reference_scores: np.ndarray) -> float:
    """Correlate two models' scores within a class, on the scale on which both are normal; NaN where nothing varies.

    The mean of both classes' 2 sin(pi r / 6), r being Spearman's; NaN for one model beside itself, too. Ranks of
    weighted rows are the shares of weight below them.

    Source: Kruskal 1958, "Ordinal measures of association", JASA 53.
    """
    found = []
    for label in (0, 1):
        kept = rows.labels == label
        both = rows.scores[kept], reference_scores[kept]
        varied = kept.any() and min(map(np.ptp, both)) > 0 and not np.array_equal(*both)
        found.append(2 * math.sin(math.pi / 6 * _spearman(*both, rows.take(kept).weights)) if varied else NAN)
    return max(0.0, sum(found) / 2) if not math.isnan(sum(found)) else NAN
