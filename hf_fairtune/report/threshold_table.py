"""The tables of a threshold: the differences between groups it makes, and the rates of each group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .layout import Table, estimate, number
from .models import title
from .paired import Changes, change, group_change, threshold_change

Audits = dict[str, dict[str, Any]]
DEGENERATE_NOTE = (
    "degenerate: fewer than 1 % or more than 99 % of some group are predicted positive; a small difference there "
    "says that the model decides nothing, not that it treats groups alike."
)
UNLIKE_NOTE = (
    "no change is given here: the probabilities of one model were calibrated, those of the other are as they came, so "
    "this threshold means another thing to each."
)
DIFFERENCES = {
    "equalized odds difference, max(TPR, FPR)": "equalized_odds_difference",
    "  of which TPR difference": "tpr_difference",
    "  of which FPR difference": "fpr_difference",
    "demographic parity difference": "demographic_parity_difference",
}
RATES = {"TPR (sensitivity)": "tpr", "FPR (1 - specificity)": "fpr", "predicted positive": "selection_rate"}


def thresholds(audits: Audits) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """Yield each policy with its threshold audit by model."""
    keys = {
        (t["policy"], t["fitted_on"], t["value"] if t["fitted_on"] is None else None): None
        for audit in reversed(list(audits.values()))
        for t in audit["thresholds"]
    }
    for policy, split, value in keys:
        found: dict[str, dict[str, Any]] = {}
        for model, audit in audits.items():
            for t in audit["thresholds"]:
                if (t["policy"], t["fitted_on"]) == (policy, split) and value in (None, t["value"]):
                    found.setdefault(model, t)
        yield name_of(policy, split), found


def name_of(policy: str, fitted_on: str | None) -> str:
    """Name a threshold by how it was chosen, and where."""
    return f"{policy}, fitted on {fitted_on}" if fitted_on else policy


def threshold_tables(audits: Audits, where: str, paired: Changes | None = None) -> list[Table]:
    """Build, for each threshold, its value, the differences between groups, and what changed for each group.

    Args:
        audits: the audits to show, by model; the winner last.
        where: split and level of the intervals, for the titles.
        paired: the winner minus the reference, where it was taken.
    """
    tables = []
    for name, found in thresholds(audits):
        cut = [number(t["value"]) + (" (degenerate)" if t["degenerate"] else "") for t in found.values()]
        changed = threshold_change(paired, list(found.values())[-1]) if paired else None
        rows = [["threshold", *cut], *_difference_rows(found, changed), *_group_rows(found, changed)]
        header = ["measure", *map(title, found)] + (["change"] if changed else [])
        rows = [row + [""] * (len(header) - len(row)) for row in rows]
        notes = [*_notes(found), *([UNLIKE_NOTE] if paired and not changed else [])]
        tables.append(Table(f"Differences between groups {where} at threshold: {name}", header, rows, notes))
    return tables


def _difference_rows(found: Audits, changed: Changes | None) -> list[list[str]]:
    differences = [
        [what, *(estimate(t[key]) for t in found.values()), *([change(changed[key])] if changed else [])]
        for what, key in DIFFERENCES.items()
    ]
    overall = [
        [f"{what}, overall", *(estimate(t["overall"][key]) for t in found.values())] for what, key in RATES.items()
    ]
    return [*differences, *overall]


def _group_rows(found: Audits, changed: Changes | None) -> list[list[str]]:
    """Set the rates of each group before and after side by side, where the change was taken and tells something."""
    if changed is None or any(t["degenerate"] for t in found.values()):
        return []
    rows = []
    for name in [row["group"] for row in changed["groups"]]:
        each = [next((r for r in t["groups"] if r["group"] == name), None) for t in found.values()]
        for what, key in list(RATES.items())[:2]:
            cells = [estimate(row[key]) if row else "–" for row in each]
            rows.append([f"{what}, {name}", *cells, change(group_change(changed, name, key))])
    return rows


def _notes(found: Audits) -> list[str]:
    reasons = [f"{what.strip()}: {t[key]['reason']}" for t in found.values() for what, key in DIFFERENCES.items()]
    notes = [note for note in dict.fromkeys(reasons) if not note.endswith(": None")]
    return notes + ([DEGENERATE_NOTE] if any(t["degenerate"] for t in found.values()) else [])


def rate_tables(audits: Audits, where: str) -> list[Table]:
    """Build, for each threshold, the winner's rates by group."""
    model, audit = list(audits.items())[-1]
    tables = []
    for name, found in thresholds({model: audit}):
        rows = [[r["group"], *(estimate(r[key]) for key in RATES.values())] for r in found[model]["groups"]]
        tables.append(Table(f"{title(model)}, rates by group {where} at threshold: {name}", ["group", *RATES], rows))
    return tables
