"""The tables of a record: groups, differences between groups, thresholds, rates, counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..record import Record
from .layout import Table, as_markdown, as_text, estimate, interval, number
from .models import compared, group_names, group_rows, reported_split, title, winner

Audits = dict[str, dict[str, Any]]
GAP_NOTE = (
    "A gap between the best and the worst group is above 0 by chance alone, the more so the more groups there are: "
    "read it against what chance makes of it, where given, and read the signed differences between two groups."
)
DEGENERATE_NOTE = (
    "degenerate: fewer than 1 % or more than 99 % of some group are predicted positive; a small difference there "
    "says that the model decides nothing, not that it treats groups alike."
)
DIFFERENCES = {
    "equalized odds difference, max(TPR, FPR)": "equalized_odds_difference",
    "  of which TPR difference": "tpr_difference",
    "  of which FPR difference": "fpr_difference",
    "demographic parity difference": "demographic_parity_difference",
}
RATES = {"TPR (sensitivity)": "tpr", "FPR (1 - specificity)": "fpr", "predicted positive": "selection_rate"}


def comparison_table(record: Record) -> str:
    """Lay out the test results of full fine-tuning and of the winner side by side, for a terminal."""
    tables = [*comparison(record)]
    return "\n\n".join(map(as_text, tables)) if tables else "The record holds no evaluation."


def markdown_table(record: Record) -> str:
    """Lay out the same tables as Markdown."""
    return "\n\n".join(f"**{table.title}**\n\n{as_markdown(table)}" for table in comparison(record))


def comparison(record: Record) -> list[Table]:
    """Build the group table, the signed differences and a table for each threshold."""
    audits, split = compared(record), reported_split(record)
    if not audits or split is None:
        return []
    tables = [group_table(audits, split), pair_table(audits), *threshold_tables(audits)]
    return [table for table in tables if table.rows]


def percent(audits: Audits) -> str:
    """Write the level of the intervals."""
    return f"{100 * main(audits)['confidence']:g} %"


def main(audits: Audits) -> dict[str, Any]:
    """Return the winner's audit, which stands last."""
    return list(audits.values())[-1]


def group_table(audits: Audits, split: str) -> Table:
    """Build a row a group, then overall, lowest group and gap."""
    audit, rows = main(audits), []
    for name in group_names(audits):
        found = {model: group_rows(a).get(name) for model, a in audits.items()}
        row = next(row for row in reversed(list(found.values())) if row)
        cells = [interval(r["auc"], r["auc_low"], r["auc_high"]) if r else "–" for r in found.values()]
        rows.append([name, str(row["n"]), str(row["positives"]), number(row["prevalence"]), *cells, row["status"]])
    overall = [
        str(audit["n"]),
        str(audit["positives"]),
        "",
        *(estimate(a["auc"]) for a in audits.values()),
        "",
    ]
    rows.append(["overall", *overall])
    rows.append(["lowest group", "", "", "", *(estimate(a["min_group_auc"]) for a in audits.values()), ""])
    rows.append(["gap, best - worst", "", "", "", *(estimate(a["auc_gap"]) for a in audits.values()), ""])
    header = ["group", "n", "positives", "prevalence", *map(title, audits), "status"]
    return Table(
        f"AUC [{percent(audits)} interval] by group on {split}",
        header,
        rows,
        [*_extremes(audits), *_group_notes(audits), GAP_NOTE],
    )


def _extremes(audits: Audits) -> list[str]:
    """Name whose AUC is lowest and highest under each model."""
    said = []
    for model, audit in audits.items():
        gap, lowest = audit["auc_gap"], audit["min_group_auc"]["group"]
        if lowest:
            said.append(
                f"lowest group with {title(model)}: {lowest}" + (f"; best: {gap['best']}" if gap["best"] else "")
            )
        if gap["null_mean"] is not None:
            said.append(
                f"gap by chance alone with {title(model)}: {number(gap['null_mean'])} on average, "
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
                notes[f"{what}, {title(model)}: {item['reason']}"] = None
    excluded = sorted({name for audit in audits.values() for name in audit["excluded"]})
    if excluded:
        notes[f"left out of lowest group, gap and differences on request: {'; '.join(excluded)}"] = None
    return list(notes)


def pair_table(audits: Audits) -> Table:
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
    return Table(f"Signed AUC differences [{percent(audits)} interval] between groups", header, rows, told)


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
        yield f"{policy}, fitted on {split}" if split else policy, found


def threshold_tables(audits: Audits) -> list[Table]:
    """Build, for each threshold, its value and the differences between groups it makes."""
    tables = []
    for name, found in thresholds(audits):
        cut = [number(t["value"]) + (" (degenerate)" if t["degenerate"] else "") for t in found.values()]
        rows = [["threshold", *cut]]
        rows += [[what, *(estimate(t[key]) for t in found.values())] for what, key in DIFFERENCES.items()]
        rows += [
            [f"{what}, overall", *(estimate(t["overall"][key]) for t in found.values())] for what, key in RATES.items()
        ]
        reasons = [f"{what.strip()}: {t[key]['reason']}" for t in found.values() for what, key in DIFFERENCES.items()]
        notes = [note for note in dict.fromkeys(reasons) if not note.endswith(": None")]
        notes += [DEGENERATE_NOTE] if any(t["degenerate"] for t in found.values()) else []
        header = ["measure", *map(title, found)]
        tables.append(
            Table(f"Differences between groups [{percent(audits)} interval] at threshold: {name}", header, rows, notes)
        )
    return tables


def rate_tables(audits: Audits) -> list[Table]:
    """Build, for each threshold, the winner's rates by group."""
    model, audit = list(audits.items())[-1]
    tables = []
    for name, found in thresholds({model: audit}):
        rows = [[r["group"], *(estimate(r[key]) for key in RATES.values())] for r in found[model]["groups"]]
        tables.append(
            Table(
                f"{title(model)}, rates by group [{percent(audits)} interval] at threshold: {name}",
                ["group", *RATES],
                rows,
            )
        )
    return tables


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
