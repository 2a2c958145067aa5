"""Differences over groups that follow from the rates that are told."""

from __future__ import annotations

from typing import Any

RATES = {
    "equalized_odds_difference": ("tpr", "fpr"),
    "demographic_parity_difference": ("selection_rate",),
    "tpr_difference": ("tpr",),
    "fpr_difference": ("fpr",),
}


def same_spread(key: str, difference: dict[str, Any], groups: list[dict[str, Any]]) -> bool:
    """Tell whether a difference is that of the told rates, so that it says nothing more of the withheld ones."""
    spreads = []
    for rate in RATES.get(key, ()):
        told = [row[rate]["value"] for row in groups if row[rate]["value"] is not None]
        spreads += [max(told) - min(told)] if told else []
    known = difference["value"] is not None and bool(spreads)
    return known and abs(max(spreads) - difference["value"]) < 1e-9
