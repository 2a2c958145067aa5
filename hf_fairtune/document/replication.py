"""What is shown of two methods by several training runs of each, not by one checkpoint."""

from dataclasses import dataclass

from .comparison import Verdict
from .estimate import Estimate, Real, Reason, Size, Status
from .scalar import GroupName


@dataclass(frozen=True)
class Repeated:
    """A number over training runs: its mean, whose interval holds both variances, and its value in each run.

    `training_error` and `sampling_error` are standard errors of the mean: from training, and from the rows scored.
    """

    mean: Estimate
    runs: list[Real]
    training_error: Real
    sampling_error: Real


@dataclass(frozen=True)
class Contrast:
    """A number of a method and of its baseline, and the first minus the second."""

    method: Repeated
    baseline: Repeated
    change: Repeated


@dataclass(frozen=True)
class GroupContrast:
    """One group: counts, status, its AUC by both methods, and how far it may have fallen, one-sided.

    The interval of the change is simultaneous over the groups that changed.
    """

    group: GroupName
    n: Size
    positives: Size
    negatives: Size
    status: Status
    reasons: tuple[Reason, ...]
    auc: Contrast
    fall: Real


@dataclass(frozen=True)
class Replication:
    """A method against a baseline, both trained several times; `fixed` where the baseline is one given model.

    `margin` is the fall of a group's AUC that is let pass.
    """

    baseline: str
    seeds: list[int]
    fixed: bool
    confidence: float
    n: Size
    positives: Size
    negatives: Size
    excluded: list[GroupName]
    auc: Contrast
    min_group_auc: Contrast
    auc_gap: Contrast
    groups: list[GroupContrast]
    margin: Real
    verdict: Verdict
