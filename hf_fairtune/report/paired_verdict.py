"""What the paired changes of a record show: who gained, who lost how much, and what is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .layout import estimate
from .models import phrase
from .paired import Changes, change, direction, is_worse
from .threshold_table import name_of

Audits = dict[str, dict[str, Any]]
SENTENCES = {
    "pareto-better": (
        "On {split} {model} is fairer than {reference} in this sense: at least one group's AUC rose beyond its paired "
        "interval, and no group can have lost more than half an AUC point."
    ),
    "level-down": (
        "On {split} this is levelling down: the gap between groups is smaller, yet no group's AUC rose beyond its "
        "paired interval and at least one fell. That is not an improvement for anyone."
    ),
    "mixed": (
        "On {split} the result is mixed: some group's AUC changed beyond its paired interval, but an improvement "
        "that harms no group is not shown."
    ),
    "worse": (
        "On {split} {model} is worse than {reference} for some group and shown to be better for none: a group's AUC "
        "fell beyond its paired interval and no group's rose."
    ),
    "not shown": (
        "On {split} no group's paired interval settles whether {model} or {reference} ranks its patients better: "
        "an improvement is neither shown nor excluded."
    ),
}


@dataclass(frozen=True)
class Verdict:
    """Kind ("pareto-better", "level-down", "worse", "mixed", "not shown", "no comparison") and its sentences."""

    kind: str
    text: str


def paired_verdict(audits: Audits, found: Changes, split: str) -> Verdict:
    """Put the verdict of a comparison into words, with what it cost each group.

    Args:
        audits: of the reference and of the winner, by model.
        found: the winner minus the reference on `split`, as the record holds it.
        split: the split's name.
    """
    before, after = map(phrase, audits)
    sentence = SENTENCES["worse" if is_worse(found) else found["verdict"]].format(
        model=after, reference=before, split=split
    )
    said = [sentence, *_groups(found), *_thresholds(audits, found), *_extremes(audits, found)]
    return Verdict(found["verdict"], " ".join(said))


def _extremes(audits: Audits, found: Changes) -> list[str]:
    """Say how the lowest group and the gap changed, or why that is undefined."""
    said = []
    for what, key in {"Lowest AUC over groups": "min_group_auc", "Gap between best and worst": "auc_gap"}.items():
        each = [audit[key] for audit in audits.values()]
        undefined = next((item["reason"] or "no reason recorded" for item in each if item["value"] is None), None)
        if undefined:
            said.append(f"{what}: undefined ({undefined}).")
            continue
        first, last = (f"{estimate(item)}{_whose(item)}" for item in each)
        said.append(f"{what}: {first} with {phrase(next(iter(audits)))}, {last} after; change {change(found[key])}.")
    return said


def _whose(item: dict[str, Any]) -> str:
    return f" ({item['group']})" if item.get("group") else ""


def _groups(found: Changes) -> list[str]:
    """Name each group that gained or lost AUC, and each of which nothing can be said."""
    rows = [row for row in found["groups"] if row["group"] not in found["excluded"]]
    known = [row for row in rows if row["auc"]["low"] is not None]
    lower = [row for row in known if direction(row["auc"]) == 0 and row["auc"]["value"] < 0]
    told = {
        "AUC rose beyond the paired interval for": [row for row in known if direction(row["auc"]) > 0],
        "AUC fell beyond the paired interval for": [row for row in known if direction(row["auc"]) < 0],
        "AUC is lower in the estimate, which chance may explain, for": lower,
    }
    said = [f"{what}: {_listed(some, 'auc')}." for what, some in told.items() if some]
    open_ = [f"{row['group']} ({row['reason'] or row['auc']['reason']})" for row in rows if row not in known]
    return said + ([f"No comparison is possible for: {'; '.join(open_)}."] if open_ else [])


def _thresholds(audits: Audits, found: Changes) -> list[str]:
    """Say, for each fitted threshold, whose sensitivity or false positive rate changed, and the groups' difference."""
    fitted = [t for t in found["thresholds"] if t["fitted_on"] and not _degenerate(audits, t)]
    return [sentence for threshold in fitted for sentence in _rates(threshold)]


def _degenerate(audits: Audits, asked: Changes) -> bool:
    cuts = [t for audit in audits.values() for t in audit["thresholds"]]
    return any(t["degenerate"] for t in cuts if (t["policy"], t["fitted_on"]) == (asked["policy"], asked["fitted_on"]))


def _rates(threshold: Changes) -> list[str]:
    where = f"at the threshold {name_of(threshold['policy'], threshold['fitted_on'])},"
    told = []
    for key, what in {"tpr": "Sensitivity", "fpr": "The false positive rate"}.items():
        for sign, verb in {-1: "fell", 1: "rose"}.items():
            moved = [row for row in threshold["groups"] if direction(row[key]) == sign]
            told += [f"{what} {where} {verb} for: {_listed(moved, key)}."] if moved else []
    nothing = f"No group's sensitivity or false positive rate {where} changed beyond its paired interval."
    odds = threshold["equalized_odds_difference"]
    ending = [] if odds["value"] is None else [f"The equalized odds difference there changed by {change(odds)}."]
    return [*(told or [nothing]), *ending]


def _listed(rows: list[dict[str, Any]], key: str) -> str:
    return "; ".join(f"{row['group']} {change(row[key])}" for row in rows)
