"""The rules of a gate, with those of their numbers that the published audit tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..gate.comparison import SAYS
from ..gate.numbers import DEGENERATE
from .blank import DIGITS, UNTOLD, WITHHELD
from .digits import DIGITS as FULL

Row = dict[str, Any]


def told_rules(public: Row) -> Row:
    """Keep those numbers of a gate, with their verdicts, that the document tells elsewhere.

    A number without an interval rests on few cases, and may equal another by chance: it goes. Without its numbers a
    verdict goes, too: that a sensitivity is at least 0.9 is a bound of those missed, and so is that a threshold
    decides nearly nothing. So does the gate's.
    """
    told = set(_numbers({key: value for key, value in public.items() if key != "gate"}))
    rules = [_rule(rule, public, told) for rule in public["gate"]["rules"]]
    whole = {"verdict": UNTOLD} if any(rule["verdict"] == UNTOLD for rule in rules) else {}
    return public["gate"] | {"rules": rules} | whole


def _rule(rule: Row, public: Row, told: set[float]) -> Row:
    close = {key: _as_told(rule[key], told) for key in ("value", "low", "high")}
    open_ = rule["low"] is not None and all(number is None or number in told for number in close.values())
    if (open_ and DEGENERATE not in (rule["reason"] or "")) or _of_models(rule, public):
        return rule | close
    return rule | {**dict.fromkeys(close), "verdict": UNTOLD, "reason": WITHHELD}


def _of_models(rule: Row, public: Row) -> bool:
    """Tell whether a rule is about the verdict of a comparison that the document tells."""
    where = [(entry["target"], entry["attribute"], entry["verdict"]) for entry in public["comparisons"]]
    said = rule["reason"] or ""
    return rule["value"] is None and any(
        (rule["target"], rule["attribute"]) == (target, attribute) and said.startswith(f"{SAYS}{verdict}")
        for target, attribute, verdict in where
    )


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
