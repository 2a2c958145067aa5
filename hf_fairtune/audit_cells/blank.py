"""What stands where something is withheld."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

# Both say "this or another": which of the withheld groups is the small one is not told.
WITHHELD = "withheld: a count of 1 to 10 in this or another group would be told or could be worked out"
COUNTS_WITHHELD = "counts and rates are " + WITHHELD
UNTOLD = "withheld"
DIGITS = 3
SMALL_NUMBER = re.compile(r"\b([1-9]|10) [a-z]|[=:] ?([1-9]|10)\b")


def blank(key: str, value: Any) -> Any:
    """Return what stands for a withheld value: None, or an estimate, a table of them or a list without any.

    The method goes, too: it would tell which of the withheld groups are the small ones.
    """
    if isinstance(value, dict) and "method" in value:
        kept = {"method": "", "reason": WITHHELD}
        return {name: kept.get(name) for name in value}
    if isinstance(value, dict):
        return {name: blank(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return []
    return {"status": UNTOLD, "reason": WITHHELD, "auc_method": ""}.get(key)


def without_interval(item: dict[str, Any]) -> dict[str, Any]:
    """Tell of an estimate its value alone: that it has an interval says that every group has cases enough."""
    gone = {"low": None, "high": None, "method": "", "reason": WITHHELD}
    # How large a gap chance gives is as good as a count: it is mostly that of the smallest group.
    gone |= {key: None for key in ("null_mean", "null_high", "excess", "p", "permutations") if key in item}
    return item if item["value"] is None else item | gone


def rounded(row: dict[str, Any], kept: tuple[str, ...]) -> dict[str, Any]:
    """Keep the AUCs of a row, and what is made of them, to three digits; p-values to two that count.

    Args:
        row: of a group, a difference or an estimate.
        kept: what stays as it is.
    """
    found = {key: value if key in kept else _digits(key, value) for key, value in row.items()}
    return found | ({"reason": COUNTS_WITHHELD} if "status" in row and "reason" in row else {})


def _digits(key: str, value: Any) -> Any:
    if isinstance(value, dict) and "method" in value:
        return rounded(value, ("reason", "best", "worst", "group", "permutations", "null_mean", "null_high"))
    if key in ("p", "p_adjusted") and value is not None:
        return float(f"{value:.2g}")
    if isinstance(value, float) and key not in ("prevalence", "detectable"):
        return round(value, DIGITS)
    return value if isinstance(value, str) else None


def scrubbed(node: Any) -> Any:
    """Withhold the reasons, at any depth, that quote a count of 1 to 10."""
    return _reasons(node, SMALL_NUMBER)


def discreet(node: Any, names: Iterable[str]) -> Any:
    """Withhold the reasons, at any depth, that quote a number or one of these groups."""
    return _reasons(node, re.compile("|".join([r"\d", *(re.escape(f"`{name}`") for name in sorted(names))])))


def _reasons(node: Any, telling: re.Pattern[str]) -> Any:
    if isinstance(node, dict):
        ours = (WITHHELD, COUNTS_WITHHELD)
        told = {key for key in node if key == "reason" and node[key] not in ours and telling.search(node[key] or "")}
        return {key: WITHHELD if key in told else _reasons(value, telling) for key, value in node.items()}
    return [_reasons(value, telling) for value in node] if isinstance(node, list) else node
