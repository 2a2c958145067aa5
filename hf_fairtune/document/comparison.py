"""What changed between a model and a reference on the same rows."""

from dataclasses import dataclass
from typing import Literal

from .estimate import Estimate, Real, Reason, Size, Status
from .scalar import GroupName

# Loss of AUC that is let pass in a group beside one that gained.
MARGIN = 0.02
Verdict = Literal["better", "gain", "level-down", "worse", "not shown"]


@dataclass(frozen=True)
class GroupChange:
    """One group: counts, status, the change of its AUC and the p of no change.

    `joint` is the change with an interval that is simultaneous over the groups, which the verdict rests on; `fall` is
    how far the AUC may have fallen, one-sided. Both are undefined for an excluded group.
    """

    group: GroupName
    n: Size
    positives: Size
    negatives: Size
    status: Status
    reasons: tuple[Reason, ...]
    auc: Estimate
    p: Real
    joint: Estimate
    fall: Real


@dataclass(frozen=True)
class RateChange:
    """Changes of one group's rates, by metric name."""

    group: GroupName
    rates: dict[str, Estimate]


@dataclass(frozen=True)
class ThresholdChange:
    """Changes at a pair of thresholds chosen alike: `value` cuts the model's scores, `reference_value` the other's."""

    policy: str
    fitted_on: str | None
    value: Real
    reference_value: Real
    groups: list[RateChange]
    gaps: dict[str, Estimate]


@dataclass(frozen=True)
class GroupPower:
    """What a group's cases can show in 4 of 5 comparisons; NaN for none.

    `gain` is the smallest true gain of AUC that is called one, `fall` the smallest fall that is excluded where nothing
    changed.
    """

    group: GroupName
    gain: Real
    fall: Real


@dataclass(frozen=True)
class Power:
    """What the groups' cases can show, for a reference of this AUC and scores that correlate so within a class."""

    auc: Real
    correlation: Real
    groups: list[GroupPower]


@dataclass(frozen=True)
class Comparison:
    """Model minus reference on the same rows, every number with a paired interval.

    `p` is of the test that both AUCs of all rows are equal; `margin` is the fall of a group's AUC that is let pass.
    `power` is what could be shown, whatever was; None where it was not computed.
    """

    confidence: float
    n_boot: int
    seed: int
    clusters: Size
    n: Size
    positives: Size
    negatives: Size
    excluded: list[GroupName]
    auc: Estimate
    p: Real
    min_group_auc: Estimate
    auc_gap: Estimate
    groups: list[GroupChange]
    thresholds: list[ThresholdChange]
    margin: Real
    verdict: Verdict
    power: Power | None = None
