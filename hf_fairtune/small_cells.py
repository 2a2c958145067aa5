"""Small cells of a record: merging groups until nothing tells how few images a group has of a label.

A cell counts images, as the record does; where a patient has many, it bounds their number from above.
"""

from __future__ import annotations

import copy
import math
import re
from typing import Any

SMALL = range(1, 11)
SUPPRESSED = "suppressed: groups with 1-10 images of a label are merged"
COUNTS = ("n", "positives", "negatives", "true_positives", "false_positives", "predicted_positives")
DIFFERENCES = ("equalized_odds", "demographic_parity", "tpr", "fpr")
SMALL_NUMBER = re.compile(r"\b([1-9]|10) [a-z]|[=:] ?([1-9]|10)\b")


def suppress_small_cells(record: dict[str, Any]) -> dict[str, Any]:
    """Merge the groups with 1-10 images of a label, split by split, in a copy of the record.

    At least two groups merge, until every merged count is 0 or above 10, so nothing follows from the totals.
    What would give a count back goes too: rates, changes and differences of merged groups, their pairs, and the
    digits beyond the second of extremes and of the search's values. The balanced images of a repair go whole: their
    groups are equally large, so that every sum would tell the cells.
    """
    public = copy.deepcopy(record)
    _withhold_external(public)
    for split in splits_of(public):
        merged = groups_to_merge(counts_of(record, split))
        if not merged:
            continue
        name = " + ".join(sorted(merged))
        if split in public["data"]["splits"]:
            _merge_cells(public["data"]["splits"][split], merged, name)
        for audit in audits_of(public, split):
            _merge_audit(audit, merged, name)
        for changes in comparisons_of(public, split):
            _merge_comparison(changes, merged, name)
        public["trials"] = [_coarse(_scrubbed(t), ("value", "values")) for t in public["trials"]]
        public["training"] = [_coarse(run, ("epochs",)) for run in public["training"]]
    return public


def splits_of(record: dict[str, Any]) -> list[str]:
    """Name the splits a record counts."""
    entries = [*record["evaluations"], *record.get("comparisons", [])]
    return list(dict.fromkeys([*record["data"]["splits"], *(entry["split"] for entry in entries)]))


def audits_of(record: dict[str, Any], split: str) -> list[dict[str, Any]]:
    """Return the audits of a split."""
    return [entry["audit"] for entry in record["evaluations"] if entry["split"] == split]


def comparisons_of(record: dict[str, Any], split: str) -> list[dict[str, Any]]:
    """Return the comparisons on a split."""
    return [entry for entry in record.get("comparisons", []) if entry["split"] == split]


def counts_of(record: dict[str, Any], split: str) -> dict[str, dict[str, int]]:
    """Count a split by group and label, as its cells, its audits and its comparisons tell."""
    counts: dict[str, dict[str, int]] = {}
    for cell in record["data"]["splits"].get(split, {"cells": []})["cells"]:
        counts.setdefault(cell["group"], {})[f"cell {cell['label']}"] = cell["n"]
    for row in (row for told in (*audits_of(record, split), *comparisons_of(record, split)) for row in told["groups"]):
        counts.setdefault(row["group"], {}).update({key: row[key] for key in ("positives", "negatives")})
    return counts


def groups_to_merge(counts: dict[str, dict[str, int]]) -> list[str]:
    """Choose the groups with a small count, and the next smallest until none is left in their sum."""
    merged = [group for group, row in counts.items() if any(n in SMALL for n in row.values())]
    rest = sorted(set(counts) - set(merged), key=lambda group: (sum(counts[group].values()), group))
    while merged and rest and (len(merged) < 2 or _has_small_sum(counts, merged)):
        merged.append(rest.pop(0))
    return merged if len(merged) > 1 else []


def _withhold_external(public: dict[str, Any]) -> None:
    """Drop the counts of a repair's images, and of its batches, where a group has 1-10 of a label."""
    repair, splits = public.get("repair"), public["data"]["splits"]
    name = repair["external"]["split"] if repair else None
    if repair is None or name not in splits or all(cell["n"] not in SMALL for cell in splits[name]["cells"]):
        return
    del splits[name]
    if repair["mask"]:
        repair["mask"] |= {"rows": None, "empty_cells": None}
    repair["steps"] = [step | {"batches": None, "empty_cells": None} for step in repair["steps"]]
    for run in public["training"]:
        run["epochs"] = [_whole_epoch(entry) for entry in run["epochs"]]


def _whole_epoch(entry: dict[str, Any]) -> dict[str, Any]:
    """Leave out the steps, and the part of an epoch, which is steps by batches."""
    kept = {key: value for key, value in entry.items() if key != "step"}
    return kept | ({"epoch": float(math.ceil(entry["epoch"]))} if "epoch" in entry else {})


def _has_small_sum(counts: dict[str, dict[str, int]], groups: list[str]) -> bool:
    keys = {key for group in groups for key in counts[group]}
    return any(sum(counts[group].get(key, 0) for group in groups) in SMALL for key in keys)


def _merge_cells(split: dict[str, Any], merged: list[str], name: str) -> None:
    sums: dict[tuple[str, str], int] = {}
    for cell in split["cells"]:
        key = (name if cell["group"] in merged else cell["group"], cell["label"])
        sums[key] = sums.get(key, 0) + cell["n"]
    split["cells"] = [{"group": group, "label": label, "n": n} for (group, label), n in sums.items()]


def _merge_audit(audit: dict[str, Any], merged: list[str], name: str) -> None:
    for threshold in audit["thresholds"]:
        threshold["groups"] = _merge_rows(threshold["groups"], merged, name)
        for key in DIFFERENCES:
            threshold[f"{key}_difference"] = _blank(f"{key}_difference", threshold[f"{key}_difference"])
        threshold.update({key: _blank(key, threshold[key]) for key in ("measures", "by_group") if key in threshold})
    for part in _parts_by_group(audit):
        part[:] = [row for row in part if row["group"] not in merged]
    audit["groups"] = _merge_rows(audit["groups"], merged, name)
    audit["pairs"] = [pair for pair in audit["pairs"] if not {pair["group"], pair["reference"]} & set(merged)]
    audit["excluded"] = list(dict.fromkeys(name if group in merged else group for group in audit["excluded"]))
    for extreme, names in ((audit["min_group_auc"], ("group",)), (audit["auc_gap"], ("best", "worst"))):
        extreme.update({key: name for key in names if extreme[key] in merged})
    for made in (audit["min_group_auc"], audit["auc_gap"], audit.get("es_auc", {})):
        made.update({key: _two_digits(value) for key, value in made.items()})
    audit.update(_scrubbed(audit))


def _parts_by_group(audit: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Return the rows by group beside the main ones; older records have none."""
    calibration = audit.get("calibration") or {"groups": []}
    points = [item["groups"] for item in audit.get("operating_points", [])]
    return [audit.get("cross_group", []), calibration["groups"], *points]


def _merge_comparison(changes: dict[str, Any], merged: list[str], name: str) -> None:
    for threshold in changes["thresholds"]:
        threshold["groups"] = _merge_rows(threshold["groups"], merged, name)
        for key in DIFFERENCES:
            threshold[f"{key}_difference"] = _blank(f"{key}_difference", threshold[f"{key}_difference"])
    changes["groups"] = _merge_rows(changes["groups"], merged, name)
    changes["excluded"] = list(dict.fromkeys(name if group in merged else group for group in changes["excluded"]))
    for extreme in (changes["min_group_auc"], changes["auc_gap"]):
        extreme.update({key: round(extreme[key], 2) for key in ("value", "low", "high") if extreme[key] is not None})
    changes.update(_scrubbed(changes))


def _merge_rows(rows: list[dict[str, Any]], merged: list[str], name: str) -> list[dict[str, Any]]:
    inside = [row for row in rows if row["group"] in merged]
    if not inside:
        return rows
    joint = {key: _blank(key, value) for key, value in inside[0].items()} | {"group": name}
    joint |= {key: sum(row[key] for row in inside) for key in COUNTS if key in joint}
    return [row for row in rows if row["group"] not in merged] + [joint]


def _blank(key: str, value: Any) -> Any:
    if isinstance(value, dict) and "method" in value:
        return {"value": None, "low": None, "high": None, "method": value["method"], "reason": SUPPRESSED}
    if key in ("rates", "measures"):
        return {}
    return {"status": "not estimable", "reason": SUPPRESSED, "auc_method": "none"}.get(key)


def _scrubbed(node: Any) -> Any:
    if isinstance(node, dict):
        told = {key for key in node if key == "reason" and SMALL_NUMBER.search(node[key] or "")}
        return {key: SUPPRESSED if key in told else _scrubbed(value) for key, value in node.items()}
    return [_scrubbed(value) for value in node] if isinstance(node, list) else node


def _coarse(node: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return node | {key: _two_digits(node[key]) for key in keys if key in node}


def _two_digits(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _two_digits(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_two_digits(value) for value in node]
    if not isinstance(node, float):
        return node
    return round(node, 2) if abs(node) >= 0.1 else float(f"{node:.2g}")
