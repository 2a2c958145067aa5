"""What a trial must reach for its objective to count, so that a model that serves everybody badly wins no search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..audits.class_numbers import single_key
from ..audits.compute import FITTED, compares_groups, directions, one_class_key
from ..audits.metrics.metric import gaps
from ..audits.threshold_audit import DEGENERATE_RATE
from ..errors import FairTuneError

# Of a gap or a ratio between groups, where no other is given.
MIN_AUC = 0.6
AUC_FLOOR, ONE_CLASS = "min_auc", "one_class"
# Of a group, predicted one class.
MOST = 1 - DEGENERATE_RATE


class UndefinedObjectiveError(FairTuneError):
    """An objective or a floor has no value, so that the trial cannot be ranked."""


@dataclass(frozen=True)
class Floors:
    """Constraints of a search, on the validation metrics of a trial's last epoch.

    Args:
        min_auc: least AUC of all rows; None for none.
        auc: key of that AUC, which is the worst of several classes, or their mean or one's, as the objective is.
        one_class: key of the largest share of a group that is predicted one class, which may be 99 % at most; None
            where the objective rests on no decisions. A share is one of the rows seen, not of an interval's end as the
            `degenerate` of an audit is: with 40 rows of which none is flagged, an interval excludes no gaming.
    """

    min_auc: float | None = None
    one_class: str | None = None
    auc: str = "auc"

    def __post_init__(self) -> None:
        if self.min_auc is not None and not 0 <= self.min_auc < 1:
            raise FairTuneError(f"`min_auc` is {self.min_auc:g}; give a floor from 0, for none, to below 1.")

    @classmethod
    def of(cls, objective: str | None, min_auc: float | None = None, class_names: Sequence[str] = ()) -> Floors:
        """Return the floors of a metric, by default `MIN_AUC` of a gap or a ratio; None for a user's own function."""
        if objective is None:
            return cls(min_auc or None)
        objective, (before, after) = single_key(objective, class_names, directions())
        if min_auc is None:
            min_auc = MIN_AUC if compares_groups(objective) else None
        # A mean over classes rests on decisions unless each class's are one-sided.
        one_class = one_class_key(objective)
        return cls(min_auc or None, one_class and f"{one_class}{after}", f"{before}auc{after}")

    def excess(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Return by how much each constraint is exceeded by the metrics of an evaluation; up to 0 it is kept.

        Raises:
            UndefinedObjectiveError: a metric is NaN.
            FairTuneError: there is no such metric.
        """
        found = {}
        if self.min_auc is not None:
            found[AUC_FLOOR] = self.min_auc - metric_value(self.auc, metrics, "`min_auc` needs")
        if self.one_class is not None:
            found[ONE_CLASS] = metric_value(self.one_class, metrics, "`objective` needs") - MOST
        return found

    def are_kept(self, metrics: Mapping[str, float]) -> bool:
        """Tell whether the metrics of an evaluation keep each constraint; one that is NaN does not."""
        try:
            return all(excess <= 0 for excess in self.excess(metrics).values())
        except UndefinedObjectiveError:
            return False

    def said(self, constraint: str, excess: float) -> str:
        """Say how a trial breaks a constraint, which may be one of the user's."""
        if constraint == AUC_FLOOR and self.min_auc is not None:
            return f"its AUC of {self.min_auc - excess:.3f} is below `min_auc` {self.min_auc:g}"
        if constraint == ONE_CLASS:
            return f"it predicts one class for {MOST + excess:.1%} of a group, more than {MOST:.0%}"
        return f"it exceeds `{constraint}` by {excess:g}"


def note(objective: str) -> str | None:
    """Say what a gap at 0.5 does not see, and which key does; None for another objective."""
    if objective not in gaps():
        return None
    return (
        f"note: `{objective}` compares decisions at a threshold of 0.5, where it is also small if hardly anybody is "
        f"flagged; `{objective}{FITTED}` compares them at the threshold that suits the validation split best."
    )


def metric_value(name: str, metrics: Mapping[str, float], asked: str) -> float:
    """Return a metric of an evaluation by its key without "eval_"; refuse one that is not a number there."""
    if f"eval_{name}" not in metrics:
        names = ", ".join(sorted(k.removeprefix("eval_") for k in metrics))
        raise FairTuneError(f"{asked} {name!r}; the metrics are {names}.")
    value = float(metrics[f"eval_{name}"])
    if not math.isfinite(value):
        raise UndefinedObjectiveError(f"`{name}` is not defined on the validation split in this trial.")
    return value
