"""How many digits a public number has."""

from __future__ import annotations

from typing import Any

DIGITS = 6
EXACT = ("prevalence", "confidence", "target", "thresholds", "operating_points")
CHANCES = ("p", "p_adjusted")


def coarse(node: Any) -> Any:
    """Round numbers at any depth to six digits, and p-values to three that count.

    With all its digits a number is a fingerprint of the rows it came from. Six are more than any table shows, so that
    none shows another last digit than the exact audit. Rates at thresholds stay: their counts are told with them.
    """
    if isinstance(node, dict):
        return {key: value if key in EXACT else _coarse(key, value) for key, value in node.items()}
    return [coarse(value) for value in node] if isinstance(node, list) else _number(node)


def _coarse(key: str, value: Any) -> Any:
    return float(f"{value:.3g}") if key in CHANCES and value is not None else coarse(value)


def _number(value: Any) -> Any:
    return round(value, DIGITS) if isinstance(value, float) else value
