"""The contract of a metric: a rate of each group, a gap between groups, or a number of scores; and its card."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from ... import catalog
from ...errors import FairTuneError
from ..engine.bands import LARGEST_RANGE, Bounds, Over
from ..engine.bootstrap import Measure
from ..engine.proportions import ratio, total
from ..engine.resampled_rows import BOTH, NEEDS, Need

ROOM = "audit.metrics"
PARTS = ("definition", "range", "direction", "traps", "citation")
Better = Literal["higher", "lower", "neither", "nearer"]


class Card(NamedTuple):
    """How to read a metric: its title in one line, and a paragraph each of what one must know."""

    title: str
    definition: str
    range: str
    direction: str
    traps: str
    citation: str


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number: `METRIC` in `metrics/<name>.py`; more conventions of the same number in that file's `CONVENTIONS`.

    Args:
        better: where good values lie; "nearer" to a best one that has values on both sides.
        bounds: its lowest and highest possible value.
        text: the card of a convention that has one of its own; else it is the file's docstring.
    """

    better: Better
    bounds: Bounds = (0.0, 1.0)
    text: str | None = None

    @property
    def needs(self) -> tuple[Need, ...]:
        """Name the cases that it rests on in every group."""
        return BOTH


@dataclass(frozen=True)
class Rate(Metric):
    """A share of rows in each group at a threshold.

    Args:
        numerator: names of the counts that are added up, of `proportions.CELLS` and `SUMS`.
        denominator: likewise.
        binomial: whether the numerator counts among the denominator's rows, so that Wilson's interval holds.
    """

    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    binomial: bool = True

    @property
    def needs(self) -> tuple[Need, ...]:
        """Name the cases in the denominator; both classes where the decisions choose these."""
        return tuple(need for need in NEEDS if self.denominator == (need,)) or BOTH

    @property
    def paired(self) -> bool:
        """Tell whether it is a share of the same rows whatever is predicted, so that two models' can be paired."""
        return self.binomial and self.needs == self.denominator

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        """Divide, [4, ..., n_groups] -> [..., n_groups]; NaN where the denominator is 0."""
        return ratio(total(counts, self.numerator), total(counts, self.denominator))


@dataclass(frozen=True)
class Gap(Metric):
    """One number over all groups at a threshold.

    Args:
        formula: in a few words.
        rates: names of the rates that are compared between groups; one where `over` is relative.
        over: how.
        averaged: whether the rates are averaged within each group first, so that their differences may cancel.
        complement: whether it is 1 minus what `over` makes.
    """

    formula: str
    rates: tuple[str, ...]
    over: Over = LARGEST_RANGE
    averaged: bool = False
    complement: bool = False

    @property
    def needs(self) -> tuple[Need, ...]:
        """Name the cases that its rates rest on."""
        return tuple(dict.fromkeys(need for name in self.rates for need in rates()[name].needs))

    @property
    def signed(self) -> bool:
        """Tell whether its sign says which side is favoured."""
        return self.better == "nearer"

    @property
    def paired(self) -> bool:
        """Tell whether it is the largest range of rates of which two models' can be paired."""
        plain = self.over is LARGEST_RANGE and not (self.averaged or self.complement)
        return plain and all(rates()[name].paired for name in self.rates)

    def __call__(self, counts: np.ndarray, reference: int = 0) -> np.ndarray:
        """Compute it from counts [4, ..., n_groups] -> [...]; NaN if a group lacks what it needs, or with one group.

        Args:
            counts: of the groups that are compared.
            reference: place of the group that the others are compared with, where the gap is signed.
        """
        found = self.over.value(self.numbers(counts), reference)
        return 1 - found if self.complement else found

    def numbers(self, counts: np.ndarray) -> np.ndarray:
        """Stack what is compared between groups, [..., n_kinds, n_groups]."""
        found = np.stack([rates()[name](counts) for name in self.rates], axis=-2)
        return found.mean(axis=-2, keepdims=True) if self.averaged else found


@dataclass(frozen=True)
class ScoreMetric(Metric):
    """A number of labels and scores without a threshold.

    Args:
        value: labels [n], scores [n] ascending and weights [..., n], how often each row counts -> [...]; NaN where it
            is undefined. Vectorised over the leading axes of the weights, for the bootstrap.
        needs: the cases that it rests on in every group.
    """

    value: Measure
    needs: tuple[Need, ...] = BOTH

    def __call__(self, labels: np.ndarray, scores: np.ndarray) -> float:
        """Compute it once, every row counting once."""
        order = np.argsort(scores, kind="stable")
        return float(self.value(labels[order], scores[order], np.ones((1, len(order)), dtype=np.int64))[0])

    def across_keys(self, name: str) -> tuple[str, str]:
        """Name its worst group's value and its gap between groups, for a metric of this name."""
        return f"{'max' if self.better == 'lower' else 'min'}_group_{name}", f"{name}_gap"


Kind = TypeVar("Kind", bound=Metric)


@cache
def homes() -> dict[str, tuple[Metric, ModuleType]]:
    """Find every metric among the files of the room, by name, and its file."""
    found = {}
    for name in catalog.names(ROOM):
        module = catalog.find(ROOM, name)
        if hasattr(module, "METRIC"):
            own = {name: module.METRIC} | getattr(module, "CONVENTIONS", {})
            found.update({key: (metric, module) for key, metric in own.items()})
    return dict(sorted(found.items()))


@cache
def of_kind(kind: type[Kind]) -> dict[str, Kind]:
    """Find every metric of a kind, by name."""
    return {name: metric for name, (metric, _) in homes().items() if isinstance(metric, kind)}


def rates() -> dict[str, Rate]:
    """Find every rate, by name."""
    return of_kind(Rate)


def gaps() -> dict[str, Gap]:
    """Find every gap, by name."""
    return of_kind(Gap)


def score_metrics() -> dict[str, ScoreMetric]:
    """Find every number of scores, by name."""
    return of_kind(ScoreMetric)


def card(module: ModuleType) -> Card:
    """Read the card off a file's docstring, see `parse_card`."""
    return parse_card(module.__doc__ or "", module.__name__)


def card_of(name: str) -> Card:
    """Read the card of a metric or a convention.

    Raises:
        FairTuneError: there is no such metric.
    """
    if name not in homes():
        raise FairTuneError(f"`{name}` is not one of the metrics; choose from {', '.join(homes())}.")
    metric, module = homes()[name]
    return parse_card(metric.text or module.__doc__ or "", name)


def parse_card(text: str, name: str) -> Card:
    """Read a card: a title line and then the paragraphs of `PARTS`, each once and in this order.

    Raises:
        FairTuneError: the text of `name` is no card.
    """
    title, *paragraphs = [" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n")]
    headed = [paragraph.partition(": ") for paragraph in paragraphs]
    if [head.lower() for head, _, _ in headed] != list(PARTS) or not all(part for _, _, part in headed):
        wanted = ", ".join(f"`{part.capitalize()}:`" for part in PARTS)
        raise FairTuneError(f"{name} has no card; give its docstring a title and the paragraphs {wanted}.")
    return Card(title, *(part for _, _, part in headed))
