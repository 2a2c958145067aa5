"""The curves of a group: ROC, reliability, and net benefit of decisions."""

from dataclasses import dataclass

from .estimate import Real, Size
from .scalar import GroupName


@dataclass(frozen=True)
class RocCurve:
    """Achieved points of a group's ROC curve, from (0, 0) to (1, 1); empty where a class is missing."""

    group: GroupName
    fpr: list[float]
    tpr: list[float]


@dataclass(frozen=True)
class ReliabilityBin:
    """Mean score and share of positives of the rows in one bin, with the share's interval."""

    mean_score: Real
    observed: Real
    low: Real
    high: Real
    n: Size


@dataclass(frozen=True)
class ReliabilityCurve:
    """A group's scores against what was observed, in bins of equal size."""

    group: GroupName
    bins: list[ReliabilityBin]


@dataclass(frozen=True)
class DecisionCurve:
    """What flagging from each of the `cuts` on does to a group; empty where a class is missing.

    Cuts are probabilities, ascending. Rates at them and the group's prevalence make the net benefit, which lies
    between `low` and `high`; these are NaN for few rows, and empty in a shared document.
    """

    group: GroupName
    cuts: list[float]
    tpr: list[Real]
    fpr: list[Real]
    low: list[Real]
    high: list[Real]
