"""Sample documents made strange: hostile names, withheld counts, very many targets."""

from __future__ import annotations

import copy
from typing import Any

COUNTS = {
    "n",
    "positives",
    "negatives",
    "missing",
    "true_positives",
    "false_positives",
    "predicted_positives",
    "clusters",
    "rows",
    "prevalence",
    "positives_wanted",
    "negatives_wanted",
}
HOSTILE = {
    "F": "<script>alert('F')</script>",
    "M": '"><img src=https://example.org/x.png onerror=alert(1)>',
    "<=60": "{{ 7 * 7 }} {% raw %} & &amp; ' ` \\ $x^$ %s",
    ">60": "\u202eنساء فوق ٦٠\u2066 👩🏽‍⚕️",
    "missing": "a\x00b\ud800c\nd",
    "I-II": "w" * 200,
    "III-IV": " ",
    "malignant found": "</title><style>*{display:none}</style><base href=//example.org/>",
    "made-up numbers, no data set": "<svg/onload=alert(1)>",
    "sex": "<b>sex</b>",
}


def renamed(node: Any, names: dict[str, str]) -> Any:
    """Replace names wherever they are a whole string or a part of an intersection."""
    if isinstance(node, dict):
        # Targets and groups are keys, too; "missing" is also a key of the schema.
        return {key if key == "missing" else names.get(key, key): renamed(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [renamed(value, names) for value in node]
    if not isinstance(node, str):
        return node
    return " & ".join(names.get(part, part) for part in node.split(" & "))


def withheld(node: Any) -> Any:
    """Withhold every count."""
    if isinstance(node, dict):
        return {
            key: _nothing(value) if key in COUNTS and not isinstance(value, bool) else withheld(value)
            for key, value in node.items()
        }
    return [withheld(value) for value in node] if isinstance(node, list) else node


def _nothing(value: Any) -> Any:
    return dict.fromkeys(value) if isinstance(value, dict) else None


def undefined(node: Any) -> Any:
    """Make every estimate undefined, with a reason."""
    if isinstance(node, dict):
        gone = dict.fromkeys(("value", "low", "high", "group", "best", "worst", "null_high", "p"), None)
        if {"value", "low", "high", "reason"} <= set(node) and "rule" not in node:
            return node | {key: value for key, value in gone.items() if key in node} | {"reason": "no positives"}
        gone = dict.fromkeys(("auc", "auc_low", "auc_high", "worst_share", "prevalence"))
        held = {key: undefined(value) for key, value in node.items()}
        return held | (gone if {"auc_low", "status"} <= set(node) else {})
    return [undefined(value) for value in node] if isinstance(node, list) else node


def crowded(document: dict[str, Any], times: int) -> dict[str, Any]:
    """Repeat the targets of a document under other names."""
    made = copy.deepcopy(document)
    for key in ("targets", "groups", "pairs", "overall", "audits", "rankings", "curves", "comparisons"):
        name = "name" if key == "targets" else "target"
        made[key] = [row | {name: f"{row[name]} {i}"} for i in range(times) for row in document[key]]
    for attribute in made["attributes"]:
        for level in attribute["levels"]:
            level["positives"] = {f"{t} {i}": c for i in range(times) for t, c in level["positives"].items()}
    return made
