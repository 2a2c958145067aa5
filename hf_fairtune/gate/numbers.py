"""Finding in an audit's document the estimates that a rule is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import FairTuneError
from .metrics import ACROSS, CALIBRATION, DIFFERENCES
from .rules import Rule

OVERALL = "overall"
DEGENERATE = "the threshold is degenerate: one class for over 99 % of a group"
Row = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """An estimate of an audit, and the group (against another), the threshold it belongs to.

    `doubt` says why no such number may keep a rule, whatever its interval; None where it may.
    """

    estimate: Row
    group: str | None = None
    threshold: str | None = None
    against: str | None = None
    doubt: str | None = None


@dataclass(frozen=True)
class Number:
    """An estimate to judge and what it is about; where `cell` is None there is nothing, and `reason` says why."""

    target: str
    attribute: str | None
    cell: Cell | None
    reason: str | None = None


def numbers(document: Row, rule: Rule) -> list[Number]:
    """Find every number a rule is about; at least one, though it may have nothing to judge.

    What the rule leaves open is meant for all: every target, attribute, threshold and group. Groups that the audit
    was told to exclude are judged only if named. `overall` as group means all rows, of no attribute.

    Raises:
        FairTuneError: the document has no such metric, target, attribute, threshold or group.
    """
    entries = audits(document, rule)
    found = [_of_audit(entry, rule) for entry in entries]
    if rule.group is not None and rule.group != OVERALL and not any(rule.group in _groups(e) for e in entries):
        known = dict.fromkeys(name for entry in entries for name in _groups(entry))
        raise FairTuneError(f"{rule.place} is about the group `{rule.group}`; the groups are {', '.join(known)}.")
    if not any(found):
        raise FairTuneError(f"{rule.place}: `{rule.metric}` is not told of all rows; ask for `auc`, or for a group.")
    return [number for part in found for number in part]


def audits(document: Row, rule: Rule) -> list[Row]:
    """Return the audits of the targets and attributes a rule is about."""
    _known(rule, "target", [row["name"] for row in document["targets"]])
    whole = rule.metric == "auc" or (rule.group == OVERALL and rule.attribute is None)
    if whole and rule.attribute is not None:
        raise FairTuneError(f"{rule.place} asks the `auc` of all rows by {rule.attribute}; ask for `group_auc`.")
    names = [row["name"] for row in document["attributes"]]
    _known(rule, "attribute", names)
    if not whole and not names:
        raise FairTuneError(f"{rule.place} compares groups, but the audit has none; pass --group to the audit.")
    entries = document["overall"] if whole else document["audits"]
    return [
        entry
        for entry in entries
        if rule.target in (None, entry["target"]) and (whole or rule.attribute in (None, entry["attribute"]))
    ]


def _known(rule: Rule, key: str, names: list[str]) -> None:
    asked = getattr(rule, key)
    if asked is not None and asked not in names:
        raise FairTuneError(f"{rule.place} is about the {key} `{asked}`; the audit has {', '.join(names) or 'none'}.")


def _groups(entry: Row) -> list[str]:
    return [row["group"] for row in entry["audit"]["groups"]]


def _of_audit(entry: Row, rule: Rule) -> list[Number]:
    audit, attribute = entry["audit"], entry.get("attribute")
    left_out = () if rule.group else audit["excluded"]
    kept = [
        Number(entry["target"], attribute, cell)
        for cell in _cells(audit, rule)
        if cell.group not in left_out and rule.group in (None, cell.group)
    ]
    if kept or (rule.group is not None and rule.group not in _groups(entry)):
        return kept
    return [Number(entry["target"], attribute, None, _nothing(rule))]


def _nothing(rule: Rule) -> str:
    if rule.metric in CALIBRATION:
        return "the scores are no probabilities"
    if rule.metric == "auc_difference" and rule.group:
        return f"`{rule.group}` is the reference, or no reference is estimable"
    return "no reference is estimable" if rule.metric == "auc_difference" else "every group is excluded by name"


def _cells(audit: Row, rule: Rule) -> Iterator[Cell]:
    """Yield every place where the audit has the rule's metric."""
    metric = rule.metric
    if metric in ("auc", *ACROSS):
        _refuse(rule, "group", "threshold")
        yield Cell(audit[metric])
    elif metric == "group_auc":
        _refuse(rule, "threshold")
        for row in audit["groups"]:
            ends = {"value": row["auc"], "low": row["auc_low"], "high": row["auc_high"]}
            yield Cell(ends | {"reason": row["reason"]}, row["group"])
    elif metric in ("auc_difference", "bpsn", "bnsp", *CALIBRATION):
        _refuse(rule, "threshold")
        for row in _rows(audit, rule):
            yield Cell(row[CALIBRATION.get(metric, metric)], row["group"], against=row.get("reference"))
    else:
        for threshold in _thresholds(audit, rule):
            yield from _at(threshold, rule)


def _rows(audit: Row, rule: Rule) -> list[Row]:
    """Return the rows of the table that a metric without a threshold stands in."""
    if rule.metric in CALIBRATION:
        return _told(audit["calibration"]["groups"], rule) if audit["calibration"] else []
    rows: list[Row] = audit["pairs" if rule.metric == "auc_difference" else "cross_group"]
    return rows


def _told(rows: list[Row], rule: Rule) -> list[Row]:
    """Leave out the first row, that of all rows, where it is not asked for."""
    return rows if rule.group == OVERALL else rows[1:]


def _refuse(rule: Rule, *keys: str) -> None:
    for key in keys:
        if getattr(rule, key) is not None:
            raise FairTuneError(f"{rule.place}: `{rule.metric}` has no {key}; leave `{key}` out.")


def _thresholds(audit: Row, rule: Rule) -> list[Row]:
    found = [row for row in audit["thresholds"] if rule.threshold is None or _is(row, rule.threshold)]
    if not found:
        asked = f"at the threshold `{rule.threshold}`" if rule.threshold else "at a threshold"
        known = ", ".join(map(threshold_name, audit["thresholds"])) or "none"
        raise FairTuneError(f"{rule.place} asks `{rule.metric}` {asked}; the audit's thresholds: {known}.")
    return found


def _is(threshold: Row, asked: str) -> bool:
    if canonical(threshold["policy"]) == canonical(asked):
        return True
    value = _number(asked)
    return value is not None and threshold["fitted_on"] is None and threshold["value"] == value


def canonical(policy: str) -> str:
    """Spell a policy in one way: `Sensitivity=0.90` is `sensitivity=0.9`."""
    name, equals, target = " ".join(policy.lower().split()).partition("=")
    text, space, tail = target.partition(" ")
    value = _number(text)
    return f"{name}{equals}{text if value is None else f'{value:g}'}{space}{tail}"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def threshold_name(threshold: Row) -> str:
    """Name a threshold by its policy; one that no data chose by its value."""
    value = threshold["value"]
    return f"{value:g}" if threshold["policy"] == "fixed" and value is not None else str(threshold["policy"])


def _at(threshold: Row, rule: Rule) -> Iterator[Cell]:
    name, metric = threshold_name(threshold), rule.metric
    doubt = DEGENERATE if threshold["degenerate"] else None
    across = {key: threshold[key] for key in DIFFERENCES} | threshold["measures"]
    if metric in across:
        _refuse(rule, "group")
        yield Cell(across[metric], threshold=name, doubt=doubt)
        return
    for row in _told([threshold["overall"], *threshold["groups"]], rule):
        rates = row | row["rates"]
        if metric not in rates:
            raise FairTuneError(f"{rule.place} asks `{metric}`; the audit has {', '.join([*across, *row['rates']])}.")
        yield Cell(rates[metric], row["group"], name, doubt=doubt)
