"""What the intervals of a record show about the winner against the reference, and what they do not.

Where the record holds the paired changes of the two models, `paired_verdict` speaks of those. Otherwise it holds one
interval a model and group, not the paired interval of their difference. Whatever the correlation between two models,
that interval (MOVER) lies within (low - high of the other, high - low of the other), so these bounds prove a
difference where they exclude 0 and leave it open elsewhere.
"""

from __future__ import annotations

from typing import Any

from ..record import Record
from .layout import interval
from .models import compared, group_names, group_rows, phrase, reference, reported_splits
from .paired import changes
from .paired_verdict import Verdict, paired_verdict

TOLERANCE = 0.005


def verdict(record: Record) -> Verdict:
    """Judge the winner on the first reported split, in words about all of them."""
    found = list(verdicts(record).values())
    if not found:
        return Verdict("no comparison", "The record holds no evaluation, so nothing is shown.")
    return Verdict(found[0].kind, "\n\n".join(dict.fromkeys(one.text for one in found)))


def verdicts(record: Record) -> dict[str, Verdict]:
    """Judge the winner against the reference, one verdict a reported split."""
    return {split: _verdict(record, split) for split in reported_splits(record)}


def _verdict(record: Record, split: str) -> Verdict:
    audits, paired, name = compared(record, split), changes(record, split), reference(record, split)
    if len(audits) < 2 or name not in audits:
        text = "The record holds no second model to compare with, so no improvement is shown or claimed."
        return Verdict("no comparison", text)
    if paired is not None:
        return paired_verdict(audits, paired, split)
    full, (model, best) = audits[name], list(audits.items())[-1]
    kind = judge(full, best)
    sentence = SENTENCES[kind].format(model=phrase(model), reference=phrase(name), split=split)
    sentences = [_lowest({model: best, name: full}), sentence]
    return Verdict(kind, " ".join([*sentences, *_changes(full, best, phrase(model))]))


SENTENCES = {
    "pareto-better": (
        "On the {split} split {model} is fairer than {reference} in this sense: at least one group has a higher "
        "AUC beyond its interval, and no group can have lost more than half an AUC point."
    ),
    "level-down": (
        "This is levelling down: the gap shrank because a group got worse beyond its interval, while none improved. "
        "That is not an improvement for anyone."
    ),
    "mixed": "The result is mixed: an overall improvement for the groups is not shown.",
    "not shown": (
        "For no group do the intervals settle whether {model} or {reference} is better: "
        "an improvement is neither shown nor excluded. "
        "A paired interval on the same images would be narrower; the record does not hold one."
    ),
}


def judge(full: dict[str, Any], best: dict[str, Any]) -> str:
    """Classify the change as `pareto-better`, `level-down`, `mixed` or `not shown`."""
    names = group_names({"full": full, "best": best})
    before, after = group_rows(full), group_rows(best)
    bounds = [difference_bounds(before.get(name), after.get(name)) for name in names]
    known = [bound for bound in bounds if bound is not None]
    gains, losses = any(low > 0 for low, _ in known), any(high < 0 for _, high in known)
    if gains and len(known) == len(bounds) and all(low > -TOLERANCE for low, _ in known):
        return "pareto-better"
    steps = [step(before.get(name), after.get(name)) for name in names]
    gaps = [audit["auc_gap"]["value"] for audit in (full, best)]
    shrunk = None not in gaps and gaps[1] < gaps[0]
    if losses and shrunk and all(change is not None and change <= 0 for change in steps):
        return "level-down"
    return "mixed" if gains or losses else "not shown"


def difference_bounds(before: dict[str, Any] | None, after: dict[str, Any] | None) -> tuple[float, float] | None:
    """Bound the paired interval of `after - before`; None where a group has no interval or is not estimable."""
    if before is None or after is None or "not estimable" in (before["status"], after["status"]):
        return None
    ends = [before["auc_low"], before["auc_high"], after["auc_low"], after["auc_high"]]
    return None if None in ends else (ends[2] - ends[1], ends[3] - ends[0])


def step(before: dict[str, Any] | None, after: dict[str, Any] | None) -> float | None:
    """Return the change of a group's AUC; None where it is undefined."""
    if before is None or after is None or before["auc"] is None or after["auc"] is None:
        return None
    return float(after["auc"] - before["auc"])


def _lowest(audits: dict[str, dict[str, Any]]) -> str:
    said = []
    for model, audit in audits.items():
        low = audit["min_group_auc"]
        if low["value"] is None:
            return f"The lowest AUC over groups is undefined ({low['reason'] or 'no reason recorded'})."
        whose = f" ({low['group']})" if low["group"] else ""
        said.append(f"{interval(low['value'], low['low'], low['high'])}{whose} with {phrase(model)}")
    return f"Lowest AUC over groups: {said[0]}, {said[1]}."


def _changes(full: dict[str, Any], best: dict[str, Any], model: str) -> list[str]:
    """Name the groups that changed beyond their intervals, fell in estimate, or allow no statement."""
    before, after = group_rows(full), group_rows(best)
    names = group_names({"full": full, "best": best})
    bounds = {name: difference_bounds(before.get(name), after.get(name)) for name in names}
    steps = {name: step(before.get(name), after.get(name)) for name in names}
    told = {
        f"Better with {model} beyond the intervals": [name for name, b in bounds.items() if b and b[0] > 0],
        f"Worse with {model} beyond the intervals": [name for name, b in bounds.items() if b and b[1] < 0],
        f"The estimate is lower with {model} for": [name for name, s in steps.items() if s is not None and s < 0],
        "No comparison is possible for": [name for name, b in bounds.items() if b is None],
    }
    return [f"{what}: {'; '.join(found)}." for what, found in told.items() if found]
