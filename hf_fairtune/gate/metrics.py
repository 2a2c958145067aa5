"""The numbers a rule may be about, and the range each can lie in."""

from __future__ import annotations

import math
from functools import cache

from .. import catalog
from ..errors import FairTuneError
from .bound import Bound

SHARE, DIFFERENCE, LINE = (0.0, 1.0), (-1.0, 1.0), (-math.inf, math.inf)
ACROSS = ("min_group_auc", "auc_gap", "es_auc")
BY_GROUP = ("group_auc", "auc_difference", "bpsn", "bnsp")
CALIBRATION = {"brier": "brier", "calibration_slope": "slope", "calibration_intercept": "intercept"}
DIFFERENCES = ("equalized_odds_difference", "demographic_parity_difference", "tpr_difference", "fpr_difference")
RATES = ("tpr", "fpr", "selection_rate")
RANGES = {
    "auc": SHARE,
    **dict.fromkeys(ACROSS, SHARE),
    **dict.fromkeys(BY_GROUP, SHARE),
    "auc_difference": DIFFERENCE,
    "brier": SHARE,
    "calibration_slope": LINE,
    "calibration_intercept": LINE,
    **dict.fromkeys((*DIFFERENCES, *RATES), SHARE),
}


@cache
def known() -> dict[str, tuple[float, float]]:
    """Return every metric's name with its range: those above, then the rates and gaps of the room `metrics`."""
    found = {name: getattr(catalog.find("metrics", name), "METRIC", None) for name in catalog.names("metrics")}
    return RANGES | {name: _range(metric) for name, metric in found.items() if metric and name not in RANGES}


def check_range(metric: str, bound: Bound, place: str) -> None:
    """Refuse a bound that the metric cannot reach, such as a percentage.

    Raises:
        FairTuneError: an end of the bound lies outside the metric's range.
    """
    low, high = known()[metric]
    for end in (bound.low, bound.high):
        if math.isfinite(end) and not low <= end <= high:
            raise FairTuneError(
                f"{place} bounds `{metric}` by {end:g}, but it lies between {low:g} and {high:g}; write a share."
            )


def _range(metric: object) -> tuple[float, float]:
    low, high = getattr(metric, "bounds", SHARE)
    return float(low), float(high)
