"""What a search maximises or minimises: one metric of the validation split, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..audits.compute import direction
from ..errors import FairTuneError


class UndefinedObjectiveError(FairTuneError):
    """The objective has no value, so that the trial cannot be ranked."""


@dataclass(frozen=True)
class Objective:
    """A key of the evaluation metrics, as `compute_objective` of `Trainer.hyperparameter_search`.

    Args:
        key: e.g. "min_group_auc" (FairTune, eq. 1); the prefix "eval_" may be left out.
    """

    key: str = "min_group_auc"

    @property
    def name(self) -> str:
        """Return the key without its prefix."""
        return self.key.removeprefix("eval_")

    @property
    def direction(self) -> str:
        """Return "maximize" or "minimize"."""
        return direction(self.key)

    def __call__(self, metrics: Mapping[str, float]) -> float:
        """Return the metric's value.

        Raises:
            FairTuneError: there is no such metric.
            UndefinedObjectiveError: it is not a number here.
        """
        if f"eval_{self.name}" not in metrics:
            names = ", ".join(sorted(k.removeprefix("eval_") for k in metrics))
            raise FairTuneError(f"`objective` is {self.name!r}; the metrics are {names}.")
        value = float(metrics[f"eval_{self.name}"])
        if not math.isfinite(value):
            raise UndefinedObjectiveError(f"`{self.name}` is not defined on the validation split in this trial.")
        return value
