"""The contract of a metric: a rate of each group, a gap between groups, and the card that tells how to read it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from ..errors import FairTuneError
from .rates import RateCounts, ratio, spread

PARTS = ("definition", "range", "direction", "traps", "citation")


@dataclass(frozen=True)
class Card:
    """How to read a metric: its title in one line, and a paragraph each of what one must know."""

    title: str
    definition: str
    range: str
    direction: str
    traps: str
    citation: str


def card(module: ModuleType) -> Card:
    """Read the card off a metric file's docstring.

    The docstring is a title line and then the paragraphs `Definition:`, `Range:`, `Direction:`, `Traps:` and
    `Citation:`, each once and in this order.

    Raises:
        FairTuneError: the docstring is no card.
    """
    title, *paragraphs = [" ".join(part.split()) for part in inspect.cleandoc(module.__doc__ or "").split("\n\n")]
    headed = [paragraph.partition(": ") for paragraph in paragraphs]
    if [head.lower() for head, _, _ in headed] != list(PARTS) or not all(text for _, _, text in headed):
        wanted = ", ".join(f"`{part.capitalize()}:`" for part in PARTS)
        raise FairTuneError(f"{module.__name__} has no card; give its docstring a title and the paragraphs {wanted}.")
    return Card(title, *(text for _, _, text in headed))


@dataclass(frozen=True)
class Rate:
    """A share of rows in each group at a threshold, named `METRIC` in `metrics/<name>.py`.

    Args:
        numerator: counts -> [..., n_groups].
        denominator: counts -> [..., n_groups].
        better: "higher", "lower" or "neither".
        binomial: whether the numerator counts among the denominator's rows, so that Wilson's interval holds.
    """

    numerator: Callable[[RateCounts], np.ndarray]
    denominator: Callable[[RateCounts], np.ndarray]
    better: str
    binomial: bool = True

    def __call__(self, counts: RateCounts) -> np.ndarray:
        """Divide, [..., n_groups]; NaN where the denominator is 0."""
        return ratio(self.numerator(counts), self.denominator(counts))


# What a rate divides by.
NEEDS = {"tpr": "positives", "fpr": "negatives", "selection_rate": "rows"}


@dataclass(frozen=True)
class Gap:
    """One number over all groups at a threshold, named `METRIC` in `metrics/<name>.py`.

    Args:
        formula: in a few words.
        rates: what is compared between groups, of "tpr", "fpr" and "selection_rate".
        over: how: `largest_range`, `mean_range`, `furthest_from` or `lowest_share`, see there.
        averaged: whether the rates are averaged within each group first, so that their differences may cancel.
        complement: whether it is told as 1 minus what `over` makes.
        better: "lower", "higher", or "nearer" where values lie on both sides of `equal`.
    """

    formula: str
    rates: tuple[str, ...]
    over: Callable[[np.ndarray, int], np.ndarray]
    averaged: bool = False
    complement: bool = False
    better: str = "lower"

    @property
    def needs(self) -> tuple[str, ...]:
        """Name what every group must have: of "positives", "negatives" and "rows"."""
        return tuple(NEEDS[rate] for rate in self.rates)

    @property
    def signed(self) -> bool:
        """Tell whether its sign says which side is favoured."""
        return self.better == "nearer"

    @property
    def equal(self) -> float:
        """Give its value where all groups are equal."""
        return 1.0 if self.better == "higher" else 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        """Give its lowest and highest possible value."""
        return (-1.0 if self.signed else 0.0), 1.0

    def __call__(self, counts: RateCounts, reference: int = 0) -> np.ndarray:
        """Compute it from counts [..., n_groups] -> [...]; NaN if a group lacks what it needs, or with one group.

        Args:
            reference: place of the group that the others are compared with, where the gap is signed.
        """
        found = self.over(self.numbers(counts), reference)
        return 1 - found if self.complement else found

    def numbers(self, counts: RateCounts) -> np.ndarray:
        """Stack what is compared between groups, [..., n_kinds, n_groups]."""
        found = np.stack([getattr(counts, rate) for rate in self.rates], axis=-2)
        return found.mean(axis=-2, keepdims=True) if self.averaged else found


def largest_range(numbers: np.ndarray, reference: int) -> np.ndarray:
    """Take the largest difference between two groups in any kind: [..., n_kinds, n_groups] -> [...]."""
    return spread(numbers).max(axis=-1)


def mean_range(numbers: np.ndarray, reference: int) -> np.ndarray:
    """Average over kinds the largest difference between two groups: [..., n_kinds, n_groups] -> [...]."""
    return spread(numbers).mean(axis=-1)


def furthest_from(numbers: np.ndarray, reference: int) -> np.ndarray:
    """Subtract the reference from the group furthest from it, sign kept: [..., 1, n_groups] -> [...].

    Of two groups equally far on either side the one with the lower place.
    """
    values = numbers[..., 0, :]
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.nan)
    differences = values - values[..., reference, None]
    furthest = np.abs(differences).argmax(axis=-1)  # NaN, where there is one, is the first maximum
    return np.take_along_axis(differences, furthest[..., None], axis=-1)[..., 0]


def lowest_share(numbers: np.ndarray, reference: int) -> np.ndarray:
    """Divide the lowest by the highest: [..., 1, n_groups] -> [...]; NaN if all are 0, or with one group."""
    values = numbers[..., 0, :]
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.nan)
    return ratio(values.min(axis=-1), values.max(axis=-1))
