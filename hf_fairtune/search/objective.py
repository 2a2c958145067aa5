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
    """A metric by its key, with or without "eval_", as `compute_objective` of a search (FairTune, eq. 1)."""

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
        """Return the metric's value; refuse one that is not a number here."""
        if f"eval_{self.name}" not in metrics:
            names = ", ".join(sorted(k.removeprefix("eval_") for k in metrics))
            raise FairTuneError(f"`objective` is {self.name!r}; the metrics are {names}.")
        value = float(metrics[f"eval_{self.name}"])
        if not math.isfinite(value):
            raise UndefinedObjectiveError(f"`{self.name}` is not defined on the validation split in this trial.")
        return value
