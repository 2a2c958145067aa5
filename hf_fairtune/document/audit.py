"""What one audit found: a classifier's scores for one target by the groups of one attribute."""

from dataclasses import dataclass, field
from typing import Literal

from .curves import DecisionCurve, ReliabilityCurve, RocCurve
from .enrichment import Enrichment
from .estimate import NAN, Effective, Estimate, Real, Reason, Size, Status
from .scalar import GroupName


@dataclass(frozen=True)
class GroupAudit(Effective):
    """One group: counts of rows, status, AUC, and its other numbers that need no threshold, by metric name.

    `worst_share` is the share of resamples in which its AUC is the lowest of the included groups.
    """

    group: GroupName
    n: Size
    positives: Size
    negatives: Size
    prevalence: Real
    status: Status
    reasons: tuple[Reason, ...]
    auc: Estimate
    worst_share: Real
    measures: dict[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True)
class MinGroupAuc(Estimate):
    """The lowest AUC of the included groups, and whose it is."""

    group: GroupName | None = None


@dataclass(frozen=True)
class AucGap(Estimate):
    """The highest minus the lowest AUC of the included groups, and whose they are (None where all are equal).

    `null_mean` and `null_high` are mean and 95th percentile of equal groups' gap, by permuted group labels or, with
    clusters, by draws of equal AUCs, `excess` is the gap less that mean, and `p` that of the test that all groups are
    equal, by so many `permutations` or draws.
    """

    best: GroupName | None = None
    worst: GroupName | None = None
    null_mean: Real = NAN
    null_high: Real = NAN
    excess: Real = NAN
    p: Real = NAN
    permutations: int = 0


@dataclass(frozen=True)
class Pair:
    """AUC of `group` minus AUC of `reference`.

    `p` is two-sided, `p_adjusted` is adjusted over all pairs of the document. `detectable` is the smallest true
    difference found with 80 % power at 5 %; `positives_wanted` and `negatives_wanted` are the independent cases of the
    group with which 0.05 would be found so.
    """

    group: GroupName
    reference: GroupName
    auc_difference: Estimate
    p: Real
    p_adjusted: Real
    p_method: str | None
    detectable: Real
    positives_wanted: int | None
    negatives_wanted: int | None


@dataclass(frozen=True)
class CrossGroup:
    """One group against the other included ones: AUC of its negatives (`bpsn`) and of its positives (`bnsp`)."""

    group: GroupName
    bpsn: Estimate
    bnsp: Estimate


@dataclass(frozen=True)
class RankedGroup:
    """A group's AUC after partial pooling; rank 1 is the lowest, `worst_share` the chance of being the lowest."""

    group: GroupName
    pooled: Real
    low: Real
    high: Real
    worst_share: Real
    rank: int


@dataclass(frozen=True)
class Ranking:
    """Groups ranked after partial pooling: their mean AUC, the spread `tau` of their logits, and who is left out."""

    method: str
    mean: Real
    tau: Real
    groups: list[RankedGroup]
    left_out: list[GroupName]


@dataclass(frozen=True)
class CalibrationGroup:
    """One group's calibration.

    `ece_null` and `ece_null_high` are mean and 95th percentile of the expected calibration error of a calibrated model
    on the same scores, `ece_excess` is the error less that mean, `p` that of the test that the model is calibrated.
    """

    group: GroupName
    brier: Estimate
    ece: Real
    ece_null: Real
    ece_null_high: Real
    ece_excess: Real
    p: Real
    slope: Estimate
    intercept: Estimate


@dataclass(frozen=True)
class CalibrationAudit:
    """Calibration of all rows and of each group; `bins` of the calibration error."""

    bins: int
    overall: CalibrationGroup
    groups: list[CalibrationGroup]


Criterion = Literal["sensitivity at specificity", "specificity at sensitivity"]


@dataclass(frozen=True)
class OperatingPointGroup:
    """A group at its own cut: the rate, the other rate as achieved, and the cut, which is not for use."""

    group: GroupName
    value: Estimate
    achieved: Real
    threshold: Real


@dataclass(frozen=True)
class OperatingPoints:
    """All rows and every group at a wanted specificity or sensitivity, `target`."""

    criterion: Criterion
    target: float
    overall: OperatingPointGroup
    groups: list[OperatingPointGroup]


@dataclass(frozen=True)
class RateGroup:
    """One group's counts of decisions at a threshold, and its rates by metric name."""

    group: GroupName
    n: Size
    positives: Size
    negatives: Size
    true_positives: Size
    false_positives: Size
    rates: dict[str, Estimate]


@dataclass(frozen=True)
class ThresholdAudit:
    """What a threshold does: rates by group, and the gaps between groups by metric name.

    `value` is NaN where every group has its own cut, in `by_group`, or where decisions were given. `degenerate`: the
    interval of some included group's selection rate lies below 1 % or above 99 %.
    """

    policy: str
    fitted_on: str | None
    value: Real
    by_group: dict[GroupName, Real] | None
    degenerate: bool
    overall: RateGroup
    groups: list[RateGroup]
    gaps: dict[str, Estimate]


@dataclass(frozen=True)
class Audit(Effective):
    """A classifier's scores by group.

    `measures` are numbers of all rows that need no threshold, `across` their minimum and gap over the included groups,
    both by metric name. `calibration`, `reliability` and `decision` are None where scores are no probabilities,
    `ranking` with fewer than two groups to rank, `enrichment` where no column was named.
    """

    n: Size
    positives: Size
    negatives: Size
    clusters: Size
    confidence: float
    n_boot: int
    seed: int
    excluded: list[GroupName]
    auc: Estimate
    min_group_auc: MinGroupAuc
    auc_gap: AucGap
    es_auc: Estimate
    measures: dict[str, Estimate]
    across: dict[str, Estimate]
    groups: list[GroupAudit]
    pairs: list[Pair]
    cross_group: list[CrossGroup]
    operating_points: list[OperatingPoints]
    calibration: CalibrationAudit | None
    thresholds: list[ThresholdAudit]
    ranking: Ranking | None
    roc: list[RocCurve]
    reliability: list[ReliabilityCurve] | None
    decision: list[DecisionCurve] | None = None
    enrichment: Enrichment | None = None
