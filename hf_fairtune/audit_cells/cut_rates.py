"""The rates at a threshold, without the side whose counts are withheld."""

from __future__ import annotations

from typing import Any

from .blank import blank

Row = dict[str, Any]
BOTH = {0, 1}
SIDES = {  # what rests on one side alone: 0 those with the finding, 1 those without
    "true_positives": {0},
    "tpr": {0},
    "fnr": {0},
    "tpr_difference": {0},
    "equal_opportunity_difference": {0},
    "false_positives": {1},
    "fpr": {1},
    "tnr": {1},
    "fpr_difference": {1},
    "predictive_equality_difference": {1},
}
TOTALS = ("group", "n", "positives", "negatives")


def told_rates(row: Row, sides: set[int]) -> Row:
    """Blank the rates and counts of a group that rest on a side that is not told."""
    kept = {key: value for key, value in row.items() if key in (*TOTALS, "rates")}
    return row | _told({key: value for key, value in row.items() if key not in kept}, sides) | _more(row, sides)


def _more(row: Row, sides: set[int]) -> Row:
    return {"rates": _told(row["rates"], sides)} if "rates" in row else {}


def told_differences(cut: Row, sides: set[int]) -> Row:
    """Blank the differences over groups that rest on a side that is not told, and whether the cut decides anything."""
    found = {key: value for key, value in cut.items() if key.endswith("_difference")}
    whole = {} if sides >= BOTH else {"degenerate": None}
    return cut | whole | _told(found, sides) | {"measures": _told(cut["measures"], sides)}


def _told(items: Row, sides: set[int]) -> Row:
    return {key: item if SIDES.get(key, BOTH) <= sides else blank(key, item) for key, item in items.items()}


def told_cut(cut: Row) -> Row:
    """Round the cuts that were fitted: each is the score of a patient."""
    values = {key: _rounded(cut[key]) for key in ("value", "reference_value") if key in cut and cut["fitted_on"]}
    own = cut.get("by_group")
    return cut | values | ({"by_group": {name: _rounded(value) for name, value in own.items()}} if own else {})


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")
