"""The rules of a gate, with those of their numbers that the published audit tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .blank import DIGITS, WITHHELD
from .digits import DIGITS as FULL

Row = dict[str, Any]


def told_rules(public: Row) -> Row:
    """Keep those numbers of a gate that the document tells elsewhere.

    One without an interval rests on few cases, and may equal another by chance: it goes.
    """
    told = set(_numbers({key: value for key, value in public.items() if key != "gate"}))
    rules = []
    for rule in public["gate"]["rules"]:
        close = {key: _as_told(rule[key], told) for key in ("value", "low", "high")}
        open_ = rule["low"] is not None and all(number is None or number in told for number in close.values())
        rules.append(rule | (close if open_ else {**dict.fromkeys(close), "reason": WITHHELD}))
    return public["gate"] | {"rules": rules}


def _as_told(number: float | None, told: set[float]) -> float | None:
    """Round a number as the document does, if at all."""
    if number is None or number in told:
        return number
    return round(number, FULL) if round(number, FULL) in told else round(number, DIGITS)


def _numbers(node: Any) -> Iterator[float]:
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from _numbers(value)
    elif isinstance(node, float):
        yield node
