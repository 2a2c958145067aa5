"""What stands where something is withheld."""

from __future__ import annotations

import re
from typing import Any

WITHHELD = "withheld: a count of 1 to 10 would be told or could be worked out"
SMALL_NUMBER = re.compile(r"\b([1-9]|10) [a-z]|[=:] ?([1-9]|10)\b")
DIGIT = re.compile(r"\d")


def blank(key: str, value: Any) -> Any:
    """Return what stands for a withheld value: None, or an estimate, a table of them or a list without any."""
    if isinstance(value, dict) and "method" in value:
        kept = {"method": value["method"], "reason": WITHHELD}
        return {name: kept.get(name) for name in value}
    if isinstance(value, dict):
        return {name: blank(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return []
    return {"status": "not estimable", "reason": WITHHELD}.get(key, value if key.endswith("method") else None)


def scrubbed(node: Any) -> Any:
    """Withhold the reasons, at any depth, that quote a count of 1 to 10."""
    return _reasons(node, SMALL_NUMBER)


def without_digits(node: Any) -> Any:
    """Withhold the reasons, at any depth, that quote a number."""
    return _reasons(node, DIGIT)


def _reasons(node: Any, telling: re.Pattern[str]) -> Any:
    if isinstance(node, dict):
        told = {key for key in node if key == "reason" and node[key] != WITHHELD and telling.search(node[key] or "")}
        return {key: WITHHELD if key in told else _reasons(value, telling) for key, value in node.items()}
    return [_reasons(value, telling) for value in node] if isinstance(node, list) else node
