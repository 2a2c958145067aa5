"""Tests that two AUCs are equal, what they can find in so many cases, and p-values adjusted for their number."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.optimize import brentq
from scipy.special import logit, ndtri
from scipy.stats import false_discovery_control
from scipy.stats import t as student

from ...document.estimate import NAN
from ...errors import FairTuneError
from .delong import ROUNDING, auc, auc_interval, delong_parts, mover_difference, newcombe_interval

LOGIT_T = "logit-DeLong t test"
INVERTED = "inverted interval"
OBUCHOWSKI_T = "logit-DeLong by clusters (Obuchowski) t test"
WEIGHTED_T = "logit-DeLong of weighted rows t test"
CORRECTIONS = ("holm", "benjamini-hochberg")
Counts = tuple[int, int]
# The same, or what weighted ones are worth.
Cases = tuple[float, float]
Pair = tuple[np.ndarray, np.ndarray]
Weights = tuple[np.ndarray | None, np.ndarray | None]
# A number, or several at once.
Real = TypeVar("Real", float, np.ndarray)
ALPHA, POWER = 0.05, 0.8
# The difference that `wanted_counts` are for.
WANTED = 0.05
# Of the largest group, before there is a model.
ASSUMED_AUC = 0.85
# Nobody reads 10^9 images for a group.
MOST = 10**9


def auc_difference_test(
    labels: Pair, scores: Pair, clusters: Pair | None = None, weights: Weights = (None, None)
) -> tuple[float, str]:
    """Test that the AUCs of two samples are equal: two-sided p, and the test's name.

    The difference of the logits over its DeLong error is referred to Student's t, its degrees of freedom those of
    the four parts of the variance (positives and negatives of either sample). Of simulated pairs of equal normal
    samples with 10 to 50 positives in the smaller and AUCs of 0.75 to 0.95 it rejects 0.04 to 0.07 at 5 %, where a
    normal deviate rejects up to 0.08, and up to 0.11 on the scale of the AUC itself; with twice the spread of the
    positives, 10 of them and an AUC of 0.95 it rejects 0.15. Clusters may lie in both samples: variances and
    covariance are Obuchowski's, degrees of freedom those of effective clusters. Where a sample has no variance, as at
    an AUC of 1, p is 1 minus the highest confidence at which the interval of the difference leaves out 0. Labels,
    scores and clusters (codes, None where rows are independent) are of either sample, [n] and [m], with both classes
    in each; weights need clusters, of one row each where rows are independent.

    Source: degrees of freedom of Satterthwaite 1946, as Brunner & Munzel 2000, "The nonparametric Behrens-Fisher
    problem", have them for one AUC.
    """
    samples, values, parts, free = [], np.empty(2), np.empty((2, 2)), np.empty((2, 2))
    covariance, method, weighed = 0.0, LOGIT_T, list[np.ndarray | None]()
    for place, (own, ranked) in enumerate(zip(labels, scores, strict=True)):
        # In one order, so that the order of the rows does not reach the last digit.
        units = np.zeros_like(own) if clusters is None else clusters[place]
        order, counted = np.lexsort((units, ranked, own)), weights[place]
        samples.append((own[order], ranked[order], units[order]))
        weighed.append(None if counted is None else counted[order])
        values[place] = auc(own[order], ranked[order], weighed[place])
        parts[place] = delong_parts(*samples[-1][:2])
        free[place] = np.sum(own == 1) - 1, np.sum(own == 0) - 1
    if clusters is not None:
        from .clusters import auc_covariances, auc_degrees  # only where there are clusters

        both = auc_covariances(samples, weighed)
        method = OBUCHOWSKI_T if weights[0] is None and weights[1] is None else WEIGHTED_T
        covariance, parts = both[0, 1], np.diag(both)[:, None]
        for place, (own, _, units) in enumerate(samples):
            free[place] = auc_degrees(own, units, weighed[place])
        free = free[:, :1]
    if not (parts.sum(axis=1) > ROUNDING).all():
        return _inverted(labels, scores, clusters or (None, None), weights), INVERTED
    slopes = logit_slope(values)
    parts = parts * slopes[:, None] ** 2
    deviate = logit_difference(*values.tolist()) / math.sqrt(parts.sum() - 2 * covariance * slopes.prod())
    return float(2 * student.sf(abs(deviate), parts.sum() ** 2 / (parts**2 / free).sum())), method


def _inverted(labels: Pair, scores: Pair, clusters: Weights, weights: Weights) -> float:
    def interval(confidence: float) -> tuple[float, float, float]:
        first, second = map(auc_interval, labels, scores, clusters, (confidence, confidence), weights)
        found = mover_difference(first, second)
        return found.value, found.low, found.high

    return inverted(interval)


def inverted(interval: Callable[[float], tuple[float, float, float]]) -> float:
    """Return 1 minus the highest confidence at which an interval, value, low and high, leaves out 0: a two-sided p."""

    def beyond(confidence: float) -> float:
        value, low, high = interval(confidence)
        return low if value > 0 else -high

    lowest, highest = 0.001, 1 - 1e-9
    if beyond(lowest) <= 0:
        return 1.0
    return 1 - highest if beyond(highest) > 0 else 1 - float(brentq(beyond, lowest, highest))


def logit_slope(value: Real) -> Real:
    """Return the derivative of the logit at an AUC inside (0, 1)."""
    return 1 / (value * (1 - value))


def logit_point(value: float, variance: float, positives: float, negatives: float) -> tuple[float, float]:
    """Return the logit of an AUC and its standard error, from its variance and independent cases.

    An AUC without variance, as at 1, has those of Newcombe's interval, its ends half a pair short of 0 and 1.
    """
    if variance > ROUNDING and 0 < value < 1:
        return float(logit(value)), math.sqrt(variance) * logit_slope(value)
    half = 0.5 / (positives * negatives + 1)
    low, high = logit(np.clip(newcombe_interval(value, positives, negatives), half, 1 - half))
    return float(low + high) / 2, float(high - low) / 2 / float(ndtri(0.975))


def logit_difference(first: float, second: float) -> float:
    """Subtract the logits of two AUCs inside (0, 1)."""
    return math.log(first / (1 - first)) - math.log(second / (1 - second))


def adjusted(p: np.ndarray, correction: str = "holm") -> np.ndarray:
    """Adjust p-values of a family of tests, [m], for their number; NaN is no test: it stays NaN and does not count.

    "holm" keeps the chance of any false rejection in the family below the level, under any dependence: the i-th
    smallest of m is multiplied by m - i + 1, and made no smaller than the one before. "benjamini-hochberg" keeps the
    expected share of false ones among the rejections below it, under independence and positive dependence.

    Raises:
        FairTuneError: there is no such correction.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure"; Benjamini & Hochberg 1995,
    "Controlling the false discovery rate".
    """
    if correction not in CORRECTIONS:
        raise FairTuneError(f"`{correction}` is no correction; choose from {', '.join(CORRECTIONS)}.")
    out = np.asarray(p, dtype=np.float64).copy()
    tested = np.flatnonzero(~np.isnan(out))
    values = np.sort(out[tested])
    if correction == "holm":
        steps = np.maximum.accumulate(values * (len(values) - np.arange(len(values))))
        out[tested[np.argsort(out[tested], kind="stable")]] = np.minimum(1.0, steps)
    elif values.size:
        out[tested] = false_discovery_control(out[tested])
    return out


def hanley_mcneil_variance(auc: Real, positives: float, negatives: float) -> Real:
    """Compute the variance of an AUC, or of several, from value and class sizes, scores being exponential.

    Source: Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve": [A (1 - A) + (m - 1)(Q1 - A^2) +
    (n - 1)(Q2 - A^2)] / (m n) with Q1 = A / (2 - A) and Q2 = 2 A^2 / (1 + A).
    """
    first, second = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    extra = (positives - 1) * (first - auc * auc) + (negatives - 1) * (second - auc * auc)
    # Rounding may leave less than nothing at an AUC of 1.
    found: Real = np.maximum(0.0, (auc * (1 - auc) + extra) / (positives * negatives))
    return found


def _excess(difference: Real, auc: float, group: Cases, reference: Cases) -> Real:
    """Subtract a true difference from the one that two samples would find were it true: negative where it is found."""
    variance = hanley_mcneil_variance(auc - difference, *group) + hanley_mcneil_variance(auc, *reference)
    found: Real = (ndtri(1 - ALPHA / 2) + ndtri(POWER)) * np.sqrt(variance) - difference
    return found


def detectable_difference(auc: float, group: Cases, reference: Cases) -> float:
    """Compute the smallest true difference a two-sided test at 5 % finds in 80 % of samples of these sizes.

    Solves d = (z_0.975 + z_0.8) * sqrt(V(auc - d, group) + V(auc, reference)): the group is the worse one, `auc` that
    of the reference, a size positives and negatives. NaN where a class is missing, or where no difference up to an AUC
    of 0 would be found.

    Source: sample sizes of Hanley & McNeil 1982, solved for the difference, with either sample's own variance.
    """
    # At an AUC of 1 there is no variance, and a difference of 0 is the trivial root.
    least, sizes = 1e-6, (auc, group, reference)
    if min(*group, *reference) < 1 or not least < auc or _excess(least, *sizes) <= 0 or _excess(auc, *sizes) > 0:
        return NAN
    # The difference found falls again towards an AUC of 0: take the first crossing.
    steps = np.linspace(least, auc, 200)
    place = int(np.argmax(_excess(steps, *sizes) <= 0))
    return float(brentq(_excess, steps[place - 1], steps[place], sizes))


def wanted_counts(auc: float, group: Cases, reference: Cases) -> Counts | None:
    """Compute the positives and negatives a group wants, at its own prevalence, for `WANTED` to be found as above.

    None where a class is missing, the AUC is not above that difference, or the reference alone is too small for any
    group.
    """
    if min(*group, *reference) < 1 or not auc > WANTED:
        return None
    share, low, high, wanted = group[1] / group[0], 0, MOST + 1, None
    while high - low > 1:
        scarcer = (low + high) // 2
        cases = math.ceil(scarcer / min(1.0, share)), math.ceil(scarcer * share / min(1.0, share))
        if _excess(WANTED, auc, cases, reference) <= 0:
            high, wanted = scarcer, cases
        else:
            low = scarcer
    return wanted


@dataclass(frozen=True)
class Detectable:
    """The smallest `difference` of AUC that 4 of 5 such audits find between a group and the reference; NaN for none.

    The group, with its cases, is the one that shows least, the reference the largest; `auc` is assumed of that.
    """

    group: str
    reference: str
    positives: int
    negatives: int
    difference: float
    auc: float


def detectable(counts: Mapping[str, Counts]) -> Detectable:
    """Compute which difference of AUC these rows can show, for the group that shows least.

    `counts` are positives and negatives of each group, two groups or more; rows of one patient count each.
    """
    reference = max(counts, key=lambda group: sum(counts[group]))
    found = {
        group: detectable_difference(ASSUMED_AUC, cases, counts[reference])
        for group, cases in counts.items()
        if group != reference
    }
    group = max(found, key=lambda name: math.inf if math.isnan(found[name]) else found[name])
    return Detectable(group, reference, *counts[group], found[group], ASSUMED_AUC)
