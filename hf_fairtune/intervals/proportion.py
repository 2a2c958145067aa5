"""Intervals of proportions, and of their paired difference."""

from __future__ import annotations

import math

from scipy.stats import norm

from .estimate import Estimate, undefined

WILSON = "Wilson"
BONETT_PRICE = "Bonett-Price"


def wilson(successes: float, trials: float, confidence: float = 0.95) -> Estimate:
    """Compute a proportion with its score interval; NaN with a reason for no trials.

    Trials are counted, or an effective number of them where rows belong together.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference"; keeps its coverage
    in small samples and a width at 0 and 1.
    """
    if trials == 0:
        return undefined(WILSON, "the denominator is 0")
    z = float(norm.ppf((1 + confidence) / 2))
    rate, shrink = successes / trials, 1 + z * z / trials
    centre = (rate + z * z / (2 * trials)) / shrink
    half = z / shrink * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    # At the ends the bound is the rate itself; rounding must not push it past.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return Estimate(rate, low, high, WILSON)


def paired_difference(gained: int, lost: int, trials: int, confidence: float = 0.95) -> Estimate:
    """Compute the difference of two proportions over the same cases, with its adjusted interval; NaN for no trials.

    Args:
        gained: cases that only the first has.
        lost: cases that only the second has.
        trials: all cases.
        confidence: such as 0.95.

    Source: Bonett & Price 2012, "Adjusted Wald confidence interval for a difference of binomial proportions based on
    paired data": one more case on either side, which keeps its coverage where few cases differ, and a width where none
    does.
    """
    if trials == 0:
        return undefined(BONETT_PRICE, "the denominator is 0")
    first, second = (gained + 1) / (trials + 2), (lost + 1) / (trials + 2)
    centre, z = first - second, float(norm.ppf((1 + confidence) / 2))
    half = z * math.sqrt((first + second - centre**2) / (trials + 2))
    return Estimate((gained - lost) / trials, max(-1.0, centre - half), min(1.0, centre + half), BONETT_PRICE)
