"""A number with its confidence interval, the method that made it and, where it lacks either, the reasons as data."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema

from .scalar import GroupName

NAN = float("nan")

# A number that may be undefined: NaN in Python, null in JSON, which has no NaN.
Real = Annotated[
    float,
    BeforeValidator(lambda value: NAN if value is None else value),
    WithJsonSchema({"type": ["number", "null"]}),
]

# A number of rows, cases or patients. In a shared document a size of 1-7 is SMALL, and None is not shared.
SMALL: Literal["<8"] = "<8"
Size = int | Literal["<8"] | None


def exact(size: Size) -> int:
    """Return a size of an exact document, which is a number.

    Raises:
        TypeError: the size is rounded to a range or not shared, as in a shared document.
    """
    if not isinstance(size, int):
        raise TypeError(f"the size {size!r} is none of an exact document")
    return size


@dataclass(frozen=True, kw_only=True)
class Effective:
    """How many rows, positives and negatives of equal weight weighted ones are worth (Kish); None without weights."""

    effective: Size = None
    effective_positives: Size = None
    effective_negatives: Size = None


# By the scarcer class: under 10 independent cases, under 20 or, of clusters, or weighted rows, 20 effective ones, or
# more.
Status = Literal["not estimable", "weak", "ok"]

ReasonKind = Literal[
    "too_few",  # `count` of `unit` (in `group`), fewer than the `needed`
    "not_weighted",  # the metric says nothing of weighted rows
    "too_few_groups",  # `count` groups take part
    "excluded",  # by name
    "no_permutations",  # none were asked for
    "no_bootstrap",  # no replicates were asked for
    "undefined_in_resamples",  # in every one
    "same_in_resamples",  # the number (of `group`) hardly ever varies, where a bootstrap is blind
    "lost_resamples",  # undefined in `count` of `needed`, which were left out
    "equal_values",  # nothing varies
    "zero_denominator",
    "no_predicted_positive",
    "no_log_odds",  # a score is exactly 0 or 1
    "equal_scores",
    "separated",  # the scores separate the classes
    "nearly_separated",
    "no_ranking",  # the scores do not rank the rows
    "no_cut",  # no one cut of probabilities decides
    "steep_cut",  # withheld in a shared document: at a cut above 0.5 it would tell the prevalence
    "few_trainings",  # `count` trainings of a method, fewer than the `needed`
    "missing_trainings",  # `count` of `needed` trainings have no scores
    "few_cases",  # withheld in a shared document: `unit` (of `group`), fewer than the `needed`
    # Why a rule of a gate is not judged, or not kept.
    "no_probabilities",
    "is_reference",  # `group` is what the others are compared with
    "no_reference",  # no group is estimable
    "all_excluded",  # every group, by name
    "no_interval",
    "both_sides",  # the interval lies on both sides of the bound
    "degenerate",  # the threshold predicts one class for over 99 % of a group
    "harmed",  # the AUC of `group` fell by more than the margin
]
Unit = Literal[
    "rows",
    "positives",
    "negatives",
    "clusters",
    "clusters_with_positives",
    "clusters_with_negatives",
    "effective_clusters_with_positives",
    "effective_clusters_with_negatives",
    "clusters_in_denominator",
    "rows_in_denominator",
    "effective_positives",
    "effective_negatives",
    "positives_of_others",
    "negatives_of_others",
    "clusters_with_positives_of_others",
    "clusters_with_negatives_of_others",
]


@dataclass(frozen=True)
class Reason:
    """Why a number is undefined, lacks its interval, or was made from less than was asked for."""

    kind: ReasonKind
    group: GroupName | None = None
    unit: Unit | None = None
    count: int | None = None
    needed: int | None = None


@dataclass(frozen=True)
class Estimate:
    """A value and its interval; NaN where undefined or withheld, and then `reasons` say why.

    A finite value with NaN bounds is a point without inference.
    """

    value: Real
    low: Real
    high: Real
    method: str
    reasons: tuple[Reason, ...] = ()

    @property
    def defined(self) -> bool:
        """Tell whether there is a value."""
        return not math.isnan(self.value)

    @property
    def bounded(self) -> bool:
        """Tell whether there is an interval."""
        return not (math.isnan(self.low) or math.isnan(self.high))


def undefined(method: str, *reasons: Reason) -> Estimate:
    """Return an estimate without a value."""
    return Estimate(NAN, NAN, NAN, method, reasons)


def point(value: float, method: str, *reasons: Reason) -> Estimate:
    """Return an estimate without an interval."""
    return Estimate(value, NAN, NAN, method, reasons)
