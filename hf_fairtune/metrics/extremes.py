"""The worst group's AUC, the best group's, and the gap between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan as NAN

import numpy as np


@dataclass(frozen=True)
class Extremes:
    """Lowest and highest of the groups' values, with whose they are (codes; None where undefined)."""

    minimum: float = NAN
    maximum: float = NAN
    gap: float = NAN
    worst: int | None = None
    best: int | None = None


def extremes(values: np.ndarray, included: Sequence[int]) -> Extremes:
    """Find the minimum, maximum and gap of `values` over the groups `included`.

    Every included group counts, however small: a NaN among them makes all three NaN, none is dropped. The gap of
    a single group is NaN, not 0. Ties go to the lower code.

    Args:
        values: one a group, [n_groups].
        included: codes of the groups that take part.
    """
    chosen = np.asarray(values)[list(included)]
    if not chosen.size or np.isnan(chosen).any():
        return Extremes()
    low, high = int(chosen.argmin()), int(chosen.argmax())
    gap = float(chosen[high] - chosen[low]) if chosen.size > 1 else NAN
    return Extremes(float(chosen[low]), float(chosen[high]), gap, included[low], included[high])
