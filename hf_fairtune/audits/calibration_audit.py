"""The audit of calibration: do predicted probabilities mean in every group what they say?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..intervals.estimate import NAN, Estimate
from ..intervals.mean import mean_interval
from ..intervals.recalibration import intercept_interval, slope_interval
from ..metrics.brier import squared_errors
from ..metrics.expected_calibration_error import (
    BINS,
    CalibrationNull,
    expected_calibration_error,
    flipped_null,
    redrawn_null,
)
from ..metrics.rows import Rows
from .evidence import Evidence
from .guards import Guard, overall_guard


@dataclass(frozen=True)
class CalibrationGroup:
    """One group's calibration.

    `ece_null` and `ece_null_high` are mean and 95th percentile of the expected calibration error of a calibrated model
    on the same scores, `ece_excess` is the error less that mean, `p` that of the test that the model is calibrated.
    """

    group: str
    n: int
    brier: Estimate
    ece: float
    ece_null: float
    ece_null_high: float
    ece_excess: float
    p: float
    slope: Estimate
    intercept: Estimate


@dataclass(frozen=True)
class CalibrationAudit:
    """Calibration of all rows (first, called "overall") and of each group; `bins` of the calibration error."""

    bins: int
    groups: list[CalibrationGroup]


def audit_calibration(evidence: Evidence, seed: int = 0) -> CalibrationAudit | None:
    """Audit calibration overall and by group; None where scores leave [0, 1] and so are no probabilities.

    Intervals are withheld where a group is not estimable (see `guard`). The null of the calibration error redraws
    labels from the scores; where clusters hold several rows, it turns over the residuals of whole clusters instead.

    Args:
        seed: of the null, not negative; the order of rows does not matter.
    """
    rows, level = evidence.ordered, evidence.confidence
    if rows.scores.min() < 0 or rows.scores.max() > 1:
        return None
    found = [_group("overall", rows, overall_guard(rows), level, np.random.default_rng([seed, 0]))]
    for code, name in enumerate(rows.group_names):
        part = _part(rows, rows.groups == code)
        rng = np.random.default_rng([seed, code + 1])
        found.append(_group(name, part, evidence.guards[code], level, rng))
    return CalibrationAudit(BINS, found)


def _part(rows: Rows, inside: np.ndarray) -> Rows:
    clusters = None if rows.clusters is None else rows.clusters[inside]
    return Rows(rows.labels[inside], rows.scores[inside], rows.groups[inside], rows.group_names, clusters)


def _group(name: str, rows: Rows, state: Guard, level: float, rng: np.random.Generator) -> CalibrationGroup:
    def guarded(made: Callable[..., Estimate], *columns: np.ndarray) -> Estimate:
        found = made(*columns, rows.clusters, level)
        if state.status != "not estimable" or math.isnan(found.value):
            return found
        return replace(found, low=NAN, high=NAN, reason=f"no interval: {state.reason}")

    ece, null = expected_calibration_error(rows.labels, rows.scores), _null(rows, rng)
    return CalibrationGroup(
        group=name,
        n=len(rows.labels),
        brier=guarded(mean_interval, squared_errors(rows.labels, rows.scores)),
        ece=ece,
        ece_null=null.mean,
        ece_null_high=null.high,
        ece_excess=ece - null.mean,
        p=null.p,
        slope=guarded(slope_interval, rows.labels, rows.scores),
        intercept=guarded(intercept_interval, rows.labels, rows.scores),
    )


def _null(rows: Rows, rng: np.random.Generator) -> CalibrationNull:
    alone = rows.clusters is None or len(np.unique(rows.clusters)) == len(rows.labels)
    if alone or rows.clusters is None:
        return redrawn_null(rows.labels, rows.scores, rng)
    return flipped_null(rows.labels, rows.scores, rows.clusters, rng)
