"""Scores of few values: an AUC is then made of so few counts that it tells them."""

from __future__ import annotations

from typing import Any

from .blank import UNTOLD
from .few import TESTED, where_of

Row = dict[str, Any]
MOST = 5
REASON = "withheld: scores of few values give counts away"
GROUP = ("auc", "auc_low", "auc_high", "worst_share")
ACROSS = ("auc", "min_group_auc", "auc_gap", "es_auc")


def told_scores(public: Row, document: Row) -> Row:
    """Withhold all that is made of scores where these have few values and a count at a cut is withheld.

    With scores of 0 and 1 an AUC is 1 - (FPR + FNR) / 2, which only few pairs of counts make. What is counted at the
    cuts stays as it is.

    Args:
        public: what is left of the document so far.
        document: as it was, whose ROC curves show how many values scores take.
    """
    gone = {target for target in _coarse(document) if _is_hidden(public, target)}
    return _without(public, gone) if gone else public


def _coarse(document: Row) -> set[str]:
    """Find the targets whose scores have few values: the curve of all rows has a point for each, and its start."""
    whole = [entry for entry in document["curves"] if entry["attribute"] is None]
    return {entry["target"] for entry in whole for row in entry["roc"] if 0 < len(row["fpr"]) <= MOST + 1}


def _is_hidden(public: Row, target: str) -> bool:
    """Tell whether a count at a cut of a target is withheld."""
    audits = [entry["audit"] for kind in ("overall", "audits") for entry in public[kind] if entry["target"] == target]
    rows = [row for audit in audits for cut in audit["thresholds"] for row in (cut["overall"], *cut["groups"])]
    return any(None in (row["true_positives"], row["false_positives"]) for row in rows)


def _without(public: Row, gone: set[str]) -> Row:
    def kept(kind: str, change: Any) -> list[Row]:
        return [change(entry) if where_of(entry)[0] in gone else entry for entry in public[kind]]

    first = public["targets"][0]["name"] in gone
    found = {kind: kept(kind, lambda e: e | {"audit": _audit(e["audit"])}) for kind in ("overall", "audits")}
    found |= {"groups": kept("groups", _blank), "pairs": kept("pairs", _blank)}
    found |= {"comparisons": kept("comparisons", _comparison), "rankings": kept("rankings", _ranking)}
    found["curves"] = kept("curves", lambda entry: entry | {"reliability": entry["reliability"] and []})
    return public | found | ({"auc": _blank(public["auc"])} if first else {})


def _audit(audit: Row) -> Row:
    found: Row = {key: _blank(audit[key]) for key in ACROSS}
    found |= {key: [_blank(row) for row in audit[key]] for key in ("groups", "pairs", "cross_group")}
    return audit | found | {"calibration": None}


def _comparison(entry: Row) -> Row:
    across = {key: _blank(entry[key]) for key in ("auc", "min_group_auc", "auc_gap")}
    return entry | across | {"groups": [_blank(row) for row in entry["groups"]], "verdict": UNTOLD}


def _ranking(entry: Row) -> Row:
    names = {row["group"] for row in entry["groups"]} | set(entry["left_out"])
    return entry | {"groups": [], "left_out": sorted(names), "mean": None, "tau": None}


def _blank(row: Row) -> Row:
    """Withhold an estimate, or what of a row is made of scores."""
    if "value" in row:
        return {key: {"method": "", "reason": REASON}.get(key) for key in row}
    found: Row = {key: _blank(item) for key, item in row.items() if isinstance(item, dict) and "value" in item}
    found |= {key: None for key in (*GROUP, *TESTED) if key in row and key not in found}
    said = {"reason": REASON} if "auc" in row else {}
    return row | found | said | ({"auc_method": ""} if "auc_method" in row else {})
