"""The numbers a rule may be about: where they stand in an audit, and the range each can lie in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from ..audits.metrics.metric import gaps, rates, score_metrics

ACROSS = ("min_group_auc", "auc_gap", "es_auc")
CALIBRATION = ("brier", "calibration_slope", "calibration_intercept")


@dataclass(frozen=True)
class Place:
    """Where a number stands in an audit.

    Args:
        low, high: what it can be.
        by_group: one for each group.
        of_all: one for all rows too, as that of the group `overall`.
        at_threshold: one for each threshold.
    """

    low: float = 0.0
    high: float = 1.0
    by_group: bool = False
    of_all: bool = False
    at_threshold: bool = False


@cache
def known() -> dict[str, Place]:
    """Return every number's name with its place: those of any audit, then the files of `audits/metrics`."""
    line = Place(-math.inf, math.inf, by_group=True, of_all=True)
    found = {name: Place() for name in ("auc", *ACROSS)}
    found |= {name: Place(by_group=True) for name in ("group_auc", "bpsn", "bnsp")}
    found |= {"auc_difference": Place(-1.0, by_group=True), "brier": Place(by_group=True, of_all=True)}
    found |= dict.fromkeys(("calibration_slope", "calibration_intercept"), line)
    for name, rate in rates().items():
        found[name] = Place(rate.limits[0], rate.limits[1], by_group=True, of_all=True, at_threshold=True)
    for name, gap in gaps().items():
        found[name] = Place(gap.limits[0], gap.limits[1], at_threshold=True)
    for name, metric in score_metrics().items():
        (low, high), (worst, gap_key) = metric.limits, metric.across_keys(name)
        found[name] = Place(low, high, by_group=True, of_all=True)
        found |= {worst: Place(low, high), gap_key: Place(0.0, high - low)}
    return found
