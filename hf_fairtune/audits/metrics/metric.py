"""The contract of a metric: a rate or another number of each group, a gap between them, or one of scores; its card."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from types import ModuleType
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from ... import catalog
from ...document.estimate import Estimate
from ...errors import FairTuneError
from ..engine.bands import Bounds, Over, gap_value
from ..engine.bootstrap import Measure
from ..engine.proportions import ratio, total
from ..engine.resampled_rows import BOTH, NEEDS, Need

ROOM = "audits.metrics"
Better = Literal["higher", "lower", "neither", "nearer"]


class Card(NamedTuple):
    """How to read a metric: its title in one line, and a paragraph each of what one must know."""

    title: str
    definition: str
    range: str
    direction: str
    traps: str
    citation: str


PARTS = Card._fields[1:]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number: `METRIC` in `metrics/<name>.py`; more conventions of the same number in that file's `CONVENTIONS`.

    Args:
        better: where good values lie; "nearer" to a best one that has values on both sides.
        needs: the cases that it rests on in every group.
        limits: its lowest and highest possible value.
        text: the card of a convention that has one of its own; else it is the file's docstring.
    """

    better: Better
    needs: tuple[Need, ...] = BOTH
    limits: Bounds = (0.0, 1.0)
    text: str | None = None

    def across_keys(self, name: str) -> tuple[str, str]:
        """Name its worst group's value and its gap between groups, for a metric of this name."""
        return f"{'max' if self.better == 'lower' else 'min'}_group_{name}", f"{name}_gap"


@dataclass(frozen=True)
class Rate(Metric):
    """A share of the denominator's rows in each group at a threshold.

    Args:
        numerator, denominator: names of the counts that are added up, of `proportions.CELLS` and `SUMS`.
        doubled: whether it is 2 p / (1 + p) of that share p, as F1 is of the Jaccard index.
        averaged: whether it is the mean of two shares instead, the first count of the numerator over the first of the
            denominator and the second over the second, of different rows.
    """

    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    doubled: bool = False
    averaged: bool = False

    @property
    def paired(self) -> bool:
        """Tell whether it is a share of the same rows whatever is predicted, so that two models' can be paired."""
        return not self.doubled and len(self.denominator) == 1 and self.denominator[0] in NEEDS

    @property
    def halves(self) -> tuple["Rate", "Rate"]:
        """Return the two shares whose mean it is."""
        (one, other), (below, beneath) = self.numerator, self.denominator
        return Rate((one,), (below,), better=self.better), Rate((other,), (beneath,), better=self.better)

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        """Divide, [4, ..., n_groups] -> [..., n_groups]; NaN where a denominator is 0."""
        if self.averaged:
            first, second = self.halves
            return (first(counts) + second(counts)) / 2
        return self.of_share(ratio(total(counts, self.numerator), total(counts, self.denominator)))

    def of_share(self, share: np.ndarray) -> np.ndarray:
        """Turn shares of rows, or ends of their intervals, into the rate: [...]."""
        return 2 * share / (1 + share) if self.doubled else share


@dataclass(frozen=True)
class Gap(Metric):
    """One number over all groups at a threshold, by a `formula` in a few words: what `over` makes of rates, by name.

    Rates may be `averaged` within each group first, so that their differences cancel; a `complement` is 1 minus it.
    """

    formula: str
    rates: tuple[str, ...]
    over: Over = Over.LARGEST_RANGE
    averaged: bool = False
    complement: bool = False

    @property
    def paired(self) -> bool:
        """Tell whether it is the largest range of rates of which two models' can be paired."""
        plain = self.over is Over.LARGEST_RANGE and not (self.averaged or self.complement)
        return plain and all(rates()[name].paired for name in self.rates)

    def __call__(self, counts: np.ndarray, reference: int = 0) -> np.ndarray:
        """Compute it from counts [4, ..., n_groups] -> [...]; NaN if a group lacks what it needs, or with one group.

        `reference` is the place of the group that the others are compared with, where the gap is signed.
        """
        found = gap_value(self.numbers(counts), self.over, reference)
        return 1 - found if self.complement else found

    def numbers(self, counts: np.ndarray) -> np.ndarray:
        """Stack what is compared between groups, [..., n_kinds, n_groups]."""
        numbers = []
        for name in self.rates:
            numbers.append(rates()[name](counts))
        found = np.stack(numbers, axis=-2)
        return found.mean(axis=-2, keepdims=True) if self.averaged else found


@dataclass(frozen=True)
class CutMetric(Metric):
    """A number of each group at a cut of probabilities, which weighs decisions by the odds that the cut stands for.

    Args:
        estimate: place of each row among `proportions.CELLS`, [n], clusters, [n] or None, a cut from 0 to below 1, and
            the level of the interval -> the number.
        weighted: the same, and weights, [n], with the clusters that weighted rows have; None where it is not defined.
        flagging_all: prevalence and cut -> what flagging everybody has, to be read beside it.
    """

    estimate: Callable[[np.ndarray, np.ndarray | None, float, float], Estimate]
    flagging_all: Callable[[float, float], float]
    weighted: Callable[[np.ndarray, np.ndarray | None, float, float, np.ndarray], Estimate] | None = None


@dataclass(frozen=True)
class ScoreMetric(Metric):
    """A number of labels and scores without a threshold.

    Args:
        value: labels [n] and scores [n] ascending -> what makes of weights [..., n], how often each row counts, the
            number, [...]; NaN where it is undefined. Vectorised over the leading axes, for the bootstrap.
        influences: of a value from 0 to 1: labels [n], scores [n] ascending and weights [n] -> how far each row moves
            it, [n], for `influence_interval`; None for the percentiles of the bootstrap.
        chance: what scores that rank at random have, to be read beside it; None where it is the same for all groups.
    """

    value: Measure
    influences: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray] | None = None
    chance: Literal["prevalence"] | None = None

    def __call__(self, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None) -> float:
        """Compute it once, every row counting once, or as its weight says."""
        order = np.argsort(scores, kind="stable")
        counted = np.ones(len(order), dtype=np.int64) if weights is None else weights[order]
        return float(self.value(labels[order], scores[order])(counted[None])[0])


Kind = TypeVar("Kind", bound=Metric)


@cache
def homes() -> dict[str, tuple[Metric, ModuleType]]:
    """Find every metric among the files of the room, by name, and its file."""
    found: dict[str, tuple[Metric, ModuleType]] = {}
    for file in catalog.names(ROOM):
        module = catalog.find(ROOM, file)
        if hasattr(module, "METRIC"):
            found[file] = module.METRIC, module
        for name, metric in getattr(module, "CONVENTIONS", {}).items():
            found[name] = metric, module
    return dict(sorted(found.items()))


@cache
def metrics(kind: type[Kind]) -> dict[str, Kind]:
    """Find every metric of a kind, by name."""
    found: dict[str, Kind] = {}
    for name, (metric, _) in homes().items():
        if isinstance(metric, kind):
            found[name] = metric
    return found


rates = partial(metrics, Rate)
gaps = partial(metrics, Gap)
cut_metrics = partial(metrics, CutMetric)
score_metrics = partial(metrics, ScoreMetric)


def card_of(name: str) -> Card:
    """Read the card of a metric or a convention."""
    if name not in homes():
        raise FairTuneError(f"`{name}` is not one of the metrics; choose from {', '.join(homes())}.")
    metric, module = homes()[name]
    return card(module, metric.text)


def card(module: ModuleType, text: str | None = None) -> Card:
    """Read the card off a text, by default a file's docstring: a title and then the paragraphs of `PARTS`."""
    title, *paragraphs = inspect.cleandoc(text or module.__doc__ or "").split("\n\n")
    found: dict[str, str] = {}
    for paragraph in paragraphs:
        head, _, body = " ".join(paragraph.split()).partition(": ")
        found[head.lower()] = body
    if tuple(found) != PARTS or len(paragraphs) > len(PARTS) or not all(found.values()):
        wanted = ", ".join(f"`{part.capitalize()}:`" for part in PARTS)
        raise FairTuneError(f"{module.__name__} has no card; give its docstring a title and the paragraphs {wanted}.")
    return Card(" ".join(title.split()), **found)
