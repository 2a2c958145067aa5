"""Paired changes of a record: the winner minus the reference on the same images."""

from __future__ import annotations

from typing import Any

from ..record import Record
from .layout import number
from .models import compared, reported_splits

Changes = dict[str, Any]


def changes(record: Record, split: str) -> Changes | None:
    """Return the comparison of the two models shown for `split`; None where the record holds none."""
    shown = list(compared(record, split))
    return record.comparison(shown[1], shown[0], split) if len(shown) == 2 else None


def changes_by_split(record: Record) -> dict[str, Changes]:
    """Return the comparisons of the models shown, by reported split."""
    found = {split: changes(record, split) for split in reported_splits(record)}
    return {split: comparison for split, comparison in found.items() if comparison is not None}


def change(item: dict[str, Any] | None) -> str:
    """Write a change with its sign, and the interval where there is one; nothing where it was not taken."""
    if item is None:
        return ""
    if None in (item["value"], item["low"], item["high"]):
        return signed(item["value"])
    return f"{signed(item['value'])} [{signed(item['low'])}, {signed(item['high'])}]"


def signed(value: float | None) -> str:
    """Write a number with its sign, zero without."""
    text = number(value)
    return f"+{text}" if value is not None and float(text) > 0 else text


def direction(item: dict[str, Any]) -> int:
    """Return 1 or -1 where the interval lies above or below 0, else 0."""
    if item["low"] is None or item["high"] is None:
        return 0
    return int(item["low"] > 0) - int(item["high"] < 0)


def is_worse(found: Changes) -> bool:
    """Say whether some group's AUC fell beyond its interval and none rose, and that is no levelling down.

    The verdict says so, or is "mixed" in a record that lacks the word.
    """
    moved = {direction(row["auc"]) for row in found["groups"] if row["group"] not in found["excluded"]}
    return found["verdict"] == "worse" or (found["verdict"] == "mixed" and -1 in moved and 1 not in moved)


def group_change(found: Changes, name: str, key: str = "auc") -> dict[str, Any] | None:
    """Return the change of a group's AUC (of a comparison) or rate (of one of its thresholds)."""
    row = next((row for row in found["groups"] if row["group"] == name), None)
    return row[key] if row else None


def threshold_change(found: Changes, threshold: dict[str, Any]) -> Changes | None:
    """Return the changes at the cut of the winner's audit that is `threshold`."""
    keys = ("policy", "fitted_on", "value")
    asked = [threshold[key] for key in keys]
    return next((t for t in found["thresholds"] if [t[key] for key in keys] == asked), None)
