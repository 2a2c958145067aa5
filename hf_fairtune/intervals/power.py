"""What an audit of this size could have found: differences of AUC, and the cases they take."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from .estimate import NAN

Counts = tuple[int, int]
ALPHA = 0.05
POWER = 0.8
WANTED = 0.05
# Nobody reads 10^9 images for a group.
MOST = 10**9


def hanley_mcneil_variance(auc: float, positives: float, negatives: float) -> float:
    """Compute the variance of an AUC from its value and the class sizes, scores being exponential.

    Source: Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve": [A (1 - A) + (m - 1)(Q1 - A^2) +
    (n - 1)(Q2 - A^2)] / (m n) with Q1 = A / (2 - A) and Q2 = 2 A^2 / (1 + A).
    """
    first, second = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    extra = (positives - 1) * (first - auc * auc) + (negatives - 1) * (second - auc * auc)
    # Rounding may leave less than nothing at an AUC of 1.
    return max(0.0, (auc * (1 - auc) + extra) / (positives * negatives))


def detectable_difference(auc: float, group: Counts, reference: Counts) -> float:
    """Compute the smallest true difference a two-sided test at 5 % finds in 80 % of samples of these sizes.

    Solves d = (z_0.975 + z_0.8) * sqrt(V(auc - d, group) + V(auc, reference)): the group is the worse one.

    Args:
        auc: of the reference.
        group: positives and negatives of the group.
        reference: positives and negatives of the reference.

    Returns:
        The difference; NaN where a class is missing, or where no difference up to an AUC of 0 would be found.

    Source: sample sizes of Hanley & McNeil 1982, solved for the difference, with either sample's own variance.
    """
    if min(*group, *reference) < 1 or math.isnan(auc):
        return NAN

    def short(difference: float) -> float:
        return _needed(auc, difference, group, reference) - difference

    # At an AUC of 1 there is no variance, and a difference of 0 is the trivial root.
    least, most = 1e-6, auc
    if not least < most or short(least) <= 0 or short(most) > 0:
        return NAN
    # The needed difference falls again towards an AUC of 0: take the first crossing.
    steps = np.linspace(least, most, 200)
    place = int(np.argmax([short(step) <= 0 for step in steps]))
    return float(brentq(short, steps[place - 1], steps[place]))


def wanted_counts(auc: float, group: Counts, reference: Counts, difference: float = WANTED) -> tuple[int, int] | None:
    """Compute the cases a group wants, at its own prevalence, for a true difference to be found as above.

    Args:
        auc: of the reference.
        group: positives and negatives of the group now; their ratio is kept.
        reference: positives and negatives of the reference, kept as they are.
        difference: by which the group's AUC lies below the reference's.

    Returns:
        Positives and negatives; None where a class is missing, the AUC is not above the difference, or the reference
        alone is too small for any group.
    """
    if min(*group, *reference) < 1 or not difference < auc:
        return None
    ratio = group[1] / group[0]

    def counts(scarcer: int) -> Counts:
        least = min(1.0, ratio)
        return math.ceil(scarcer / least), math.ceil(scarcer * ratio / least)

    def enough(scarcer: int) -> bool:
        return _needed(auc, difference, counts(scarcer), reference) <= difference

    if not enough(MOST):
        return None
    low, high = 0, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return counts(high)


def _needed(auc: float, difference: float, group: Counts, reference: Counts) -> float:
    """Compute the difference that two samples would find, were the true one `difference`."""
    variance = hanley_mcneil_variance(auc - difference, *group) + hanley_mcneil_variance(auc, *reference)
    return float(norm.ppf(1 - ALPHA / 2) + norm.ppf(POWER)) * math.sqrt(variance)
