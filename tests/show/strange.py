"""Documents made strange: hostile names, undefined numbers, very many groups or targets."""

import copy
from typing import Any

HOSTILE = {
    "F": "<script>alert('F')</script>",
    "M": '"><img src=https://example.org/x.png onerror=alert(1)>',
    "I-II": "{{ 7 * 7 }} {% raw %} & &amp; ' ` \\ $x^$ %s",
    "III-IV": "\u202eنساء فوق ٦٠\u2066 👩🏽‍⚕️",
    "V-VI": "a\x00b\nd",
    "not stated": "=1+1 & 50 % of $_{x}^2 \\ ~ # [40,60) | *q*\n\\end{table}",
    "melanoma": "</title><style>*{display:none}</style><base href=//example.org/>",
    "lesions.csv": "<svg/onload=alert(1)>",
    "sex": "<b>sex</b>",
}


def renamed(node: Any, names: dict[str, str] = HOSTILE) -> Any:
    """Replace names wherever they are a whole string or a part of an intersection."""
    if isinstance(node, dict):
        return {names.get(key, key): renamed(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [renamed(value, names) for value in node]
    if not isinstance(node, str):
        return node
    return " & ".join(names.get(part, part) for part in node.split(" & "))


def undefined(content: dict[str, Any]) -> None:
    """Make every number of the audits undefined, as in a shared document of few cases."""
    content["audits"], content["shared"] = _undefined(content["audits"]), "rates"


def _undefined(node: Any) -> Any:
    if isinstance(node, list):
        return [_undefined(value) for value in node]
    if not isinstance(node, dict):
        return node
    lacks = [{"kind": "few_cases", "group": None, "unit": "positives", "count": None, "needed": 10}]
    why = {"reasons": lacks} if {"value", "method"} <= set(node) else {}
    named = dict.fromkeys({"group", "best", "worst"} & set(node)) if why else {}
    kept = {"confidence", "target"}
    held = {k: None if isinstance(v, float) and k not in kept else _undefined(v) for k, v in node.items()}
    return held | why | named


def crowded(content: dict[str, Any], times: int) -> None:
    """Repeat the target of a document under other names."""
    target = content["data"]["targets"][0]
    audits, content["gate"] = content["audits"], None
    content["data"]["targets"] = [target | {"name": f"t{i}", "finding": f"finding {i}"} for i in range(times)]
    content["audits"] = [entry | {"target": f"t{i}"} for i in range(times) for entry in audits]
    for sheet in content["data"]["splits"].values():
        for part in [sheet, *(level for one in sheet["attributes"] for level in one["levels"])]:
            part["positives"] = {f"t{i}": count for i in range(times) for count in part["positives"].values()}


def many_groups(content: dict[str, Any], attribute: str, times: int) -> None:
    """Repeat the groups of an attribute, wherever there is a row a group; the first keep their names."""
    for entry in content["audits"]:
        if entry["attribute"] == attribute:
            entry["audit"] = _repeated(entry["audit"], times)
            entry["comparison"] = _repeated(entry["comparison"], times)


def _repeated(node: Any, times: int) -> Any:
    if isinstance(node, list) and node and isinstance(node[0], dict) and "group" in node[0] and "kind" not in node[0]:
        return [
            copy.deepcopy(row) | {"group": f"{row['group']} {i}" if i else row["group"]}
            for i in range(times)
            for row in node
        ]
    if isinstance(node, dict):
        return {key: _repeated(value, times) for key, value in node.items()}
    return [_repeated(value, times) for value in node] if isinstance(node, list) else node
