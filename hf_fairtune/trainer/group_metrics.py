"""Numbers by group of whatever is scored, where the user gives no `compute_metrics`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..audits.compute import fairness_metrics
from .classes import class_names, group_names

if TYPE_CHECKING:
    from transformers import EvalPrediction

LABELS, GROUPS = "labels", "groups"


@dataclass(frozen=True)
class GroupMetrics:
    """`fairness_metrics` of rows whose groups have names, or else codes; of rows without groups nothing.

    Args:
        names: of the groups by code; empty where the data name none.
        exclude: groups that are left out of minimum and gap.
        classes: names of several classes or findings; empty of one finding against the rest.
    """

    names: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    def __call__(self, prediction: EvalPrediction) -> dict[str, float]:
        """Compute them."""
        columns = prediction.label_ids
        if not isinstance(columns, tuple | list) or len(columns) < 2:
            return {}
        codes = np.asarray(columns[1])
        names = self.names or tuple(map(str, range(int(np.max(codes, initial=0)) + 1)))
        # Codes may begin at 1, or skip some.
        empty = () if self.names else {*names} - {*map(str, np.unique(codes))}
        return fairness_metrics(names, [*empty, *(name for name in self.exclude if name in names)], self.classes)(
            prediction
        )

    def of(self, dataset: Any, model: Any) -> GroupMetrics:
        """Return these metrics with the names of a data set's groups, and of its classes where none are known."""
        classes = self.classes or tuple(class_names(dataset, model=model))
        return GroupMetrics(tuple(group_names(dataset)), self.exclude, classes)


def label_columns(asked: Sequence[str] | None, is_ours: bool) -> list[str]:
    """Return the columns that travel to the metrics: those asked for, and the groups second where metrics are ours."""
    if is_ours:
        return [LABELS, GROUPS, *(name for name in asked or () if name not in (LABELS, GROUPS))]
    return [LABELS] if asked is None else [*asked]
