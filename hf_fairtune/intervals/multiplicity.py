"""P-values of a family of tests, adjusted for their number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..errors import FairTuneError


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p-values so that the chance of any false rejection in the family stays below the level.

    The i-th smallest of m is multiplied by m - i + 1, and made no smaller than the one before. Holds under any
    dependence.

    Args:
        p: [m]; NaN is no test: it stays NaN and does not count.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    return _adjusted(p, lambda ordered, m: np.maximum.accumulate(ordered * (m - np.arange(m))))


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Adjust p-values so that the expected share of false ones among the rejections stays below the level.

    The i-th smallest of m is multiplied by m / i, and made no larger than the one after. Holds under independence
    and positive dependence.

    Args:
        p: [m]; NaN is no test: it stays NaN and does not count.

    Source: Benjamini & Hochberg 1995, "Controlling the false discovery rate".
    """
    return _adjusted(p, lambda ordered, m: np.minimum.accumulate((ordered * m / np.arange(1, m + 1))[::-1])[::-1])


CORRECTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"holm": holm, "benjamini-hochberg": benjamini_hochberg}


def adjusted(p: np.ndarray, correction: str = "holm") -> np.ndarray:
    """Adjust p-values by the correction of that name, one of `CORRECTIONS`.

    Raises:
        FairTuneError: there is no such correction, or a value is no p.
    """
    if correction not in CORRECTIONS:
        raise FairTuneError(f"`{correction}` is no correction; choose from {', '.join(CORRECTIONS)}.")
    return CORRECTIONS[correction](p)


def _adjusted(p: np.ndarray, steps: Callable[[np.ndarray, int], np.ndarray]) -> np.ndarray:
    values = np.asarray(p, dtype=np.float64)
    tested = np.flatnonzero(~np.isnan(values))
    bad = values[tested][(values[tested] < 0) | (values[tested] > 1)]
    if bad.size:
        raise FairTuneError(f"A p-value is {bad[0]}; pass values from 0 to 1, NaN for no test.")
    order = tested[np.argsort(values[tested], kind="stable")]
    out = np.full(values.shape, np.nan)
    out[order] = np.minimum(1.0, steps(values[order], len(order)))
    return out
