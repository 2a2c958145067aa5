"""The tables of a record, test set by test set: groups, differences between groups, thresholds, counts."""

from __future__ import annotations

from typing import Any

from ..record import Record
from .layout import Table, as_markdown, as_text, estimate, interval, number
from .models import compared, group_names, group_rows, phrase, reported_split, reported_splits, title, winner
from .paired import Changes, change, changes, group_change
from .threshold_table import rate_tables, threshold_tables

Audits = dict[str, dict[str, Any]]
SUMMARIES = {
    "overall": ("auc", True),
    "lowest group": ("min_group_auc", False),
    "gap, best - worst": ("auc_gap", False),
}
GAP_NOTE = (
    "A gap between the best and the worst group is above 0 by chance alone, the more so the more groups there are: "
    "read it against what chance makes of it, where given, and read the signed differences between two groups."
)


def comparison_table(record: Record) -> str:
    """Lay out the results of the reference and of the winner side by side, for a terminal."""
    tables = [*comparison(record)]
    return "\n\n".join(map(as_text, tables)) if tables else "The record holds no evaluation."


def markdown_table(record: Record) -> str:
    """Lay out the same tables as Markdown."""
    return "\n\n".join(f"**{table.title}**\n\n{as_markdown(table)}" for table in comparison(record))


def comparison(record: Record) -> list[Table]:
    """Build, for each reported split, the group table, the signed differences and a table for each threshold."""
    return [table for split in reported_splits(record) for table in split_tables(record, split)]


def split_tables(record: Record, split: str) -> list[Table]:
    """Build the tables of one split."""
    audits, found = compared(record, split), changes(record, split)
    where = f"on {split} [{percent(audits)} interval]"
    tables = [group_table(audits, split, found), pair_table(audits, where), *threshold_tables(audits, where, found)]
    return [table for table in tables if table.rows]


def split_rates(record: Record, split: str) -> list[Table]:
    """Build the winner's rates by group on one split, a table for each threshold."""
    audits = compared(record, split)
    return rate_tables(audits, f"on {split} [{percent(audits)} interval]")


def percent(audits: Audits) -> str:
    """Write the level of the intervals."""
    return f"{100 * main(audits)['confidence']:g} %"


def main(audits: Audits) -> dict[str, Any]:
    """Return the winner's audit, which stands last."""
    return list(audits.values())[-1]


def group_table(audits: Audits, split: str, found: Changes | None = None) -> Table:
    """Build a row a group, then overall, lowest group and gap; with the paired changes where they were taken."""
    audit, rows = main(audits), []
    for name in group_names(audits):
        each = {model: group_rows(a).get(name) for model, a in audits.items()}
        row = next(row for row in reversed(list(each.values())) if row)
        cells = [interval(r["auc"], r["auc_low"], r["auc_high"]) if r else "–" for r in each.values()]
        cells += [change(group_change(found, name))] if found else []
        rows.append([name, str(row["n"]), str(row["positives"]), number(row["prevalence"]), *cells, row["status"]])
    counts = [str(audit["n"]), str(audit["positives"])]
    for what, (key, size) in SUMMARIES.items():
        cells = [*(estimate(a[key]) for a in audits.values()), *([change(found[key])] if found else [])]
        rows.append([what, *(counts if size else ["", ""]), "", *cells, ""])
    header = ["group", "n", "positives", "prevalence", *map(title, audits), *(["change"] if found else []), "status"]
    notes = [*_extremes(audits), *_group_notes(audits), *_change_notes(audits, found), GAP_NOTE]
    return Table(f"AUC by group on {split} [{percent(audits)} interval]", header, rows, notes)


def _change_notes(audits: Audits, found: Changes | None) -> list[str]:
    """Say what a change is and how its interval was made, and why one is withheld."""
    if found is None:
        return []
    first, last = map(phrase, audits)
    items = {"overall": found["auc"], "lowest group": found["min_group_auc"], "gap": found["auc_gap"]}
    reasons = [f"change, {what}: {item['reason']}" for what, item in items.items() if item["reason"]]
    how = f"{found['auc']['method']}; lowest group and gap: {found['min_group_auc']['method']}"
    return [f"change: {last} minus {first} on the same images, paired ({how})", *reasons]


def _extremes(audits: Audits) -> list[str]:
    """Name whose AUC is lowest and highest under each model."""
    said = []
    for model, audit in audits.items():
        gap, lowest = audit["auc_gap"], audit["min_group_auc"]["group"]
        if lowest:
            said.append(
                f"lowest group with {phrase(model)}: {lowest}" + (f"; best: {gap['best']}" if gap["best"] else "")
            )
        if gap["null_mean"] is not None:
            said.append(
                f"gap by chance alone with {phrase(model)}: {number(gap['null_mean'])} on average, "
                f"{number(gap['null_high'])} at most in 19 of 20 draws"
            )
    return said


def _group_notes(audits: Audits) -> list[str]:
    """Give the reason of every number that is undefined or has no interval, once each."""
    notes: dict[str, None] = {}
    for model, audit in audits.items():
        for row in audit["groups"]:
            if row["reason"]:
                notes[f"{row['group']}: {row['status']} ({row['reason']})"] = None
        for what, item in {"overall": audit["auc"], "lowest group": audit["min_group_auc"]}.items():
            if item["reason"]:
                notes[f"{what}, {phrase(model)}: {item['reason']}"] = None
    excluded = sorted({name for audit in audits.values() for name in audit["excluded"]})
    if excluded:
        notes[f"left out of lowest group, gap and differences on request: {'; '.join(excluded)}"] = None
    return list(notes)


def pair_table(audits: Audits, where: str) -> Table:
    """Build the signed AUC differences of each group against the reference group."""
    pairs = {(p["group"], p["reference"]): None for a in reversed(list(audits.values())) for p in a["pairs"]}
    rows, notes = [], []
    for group, reference in pairs:
        cells = []
        for audit in audits.values():
            found = [p for p in audit["pairs"] if (p["group"], p["reference"]) == (group, reference)]
            cells.append(estimate(found[0]["auc_difference"]) if found else "–")
            notes += [f"{group} - {reference}: {p['auc_difference']['reason']}" for p in found]
        rows.append([f"{group} - {reference}", *cells])
    header = ["group - reference", *map(title, audits)]
    told = [note for note in dict.fromkeys(notes) if not note.endswith(": None")]
    return Table(f"Signed AUC differences between groups {where}", header, rows, told)


def count_table(record: Record) -> Table:
    """Build the images by group, label and split; groups without the attribute are rows like the others."""
    counts = {
        (split, cell["label"], cell["group"]): cell["n"]
        for split, content in record.data["splits"].items()
        for cell in content["cells"]
    }
    places = list(dict.fromkeys((split, label) for split, label, _ in counts))
    names = list(dict.fromkeys([*record.data["group_names"], *(group for _, _, group in counts)]))
    names = [name for name in names if any(group == name for _, _, group in counts)]
    # A group without any cell in a split may be merged into another there, which is not a count of 0.
    present = {(split, group) for split, _, group in counts}

    def cell(name: str, split: str, label: str) -> str:
        return str(counts.get((split, label, name), 0)) if (split, name) in present else "–"

    rows = [[name, *(cell(name, *place) for place in places)] for name in names]
    sizes = ", ".join(f"{split} {content['n']}" for split, content in record.data["splits"].items())
    return Table(
        "Images by group, label and split",
        ["group", *(": ".join(p) for p in places)],
        rows,
        [f"images in all: {sizes}"],
    )


def worst_group(record: Record) -> str | None:
    """Name the winner's lowest group on the reported split."""
    split = reported_split(record)
    model = winner(record, split) if split else None
    audit = record.evaluation(model, split) if model and split else None
    name = audit["min_group_auc"]["group"] if audit else None
    return str(name) if name else None
