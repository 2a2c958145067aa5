"""The tables of one audit that rest on ranks: AUC by group, differences between groups, ranking, changes."""

from __future__ import annotations

from typing import Any

from ..report.layout import Table, estimate, interval, number
from ..report.paired import change
from .data_sheet import COUNT_NOTE
from .view import WITHHELD, View, count, probability

NAMED = 6
EVERY, HELD = "every group", "withheld"
RANKING_NOTE = "a withheld group is among those ranked; the others' numbers would give its counts away"
WORST = "lowest in … of 100 redraws"
SUMMARIES = {
    "all rows": "auc",
    "lowest group": "min_group_auc",
    "gap, best - lowest": "auc_gap",
    "equity-scaled AUC": "es_auc",
}


def auc_table(view: View) -> Table:
    """Build a row a group, then all rows, lowest group, gap and equity-scaled AUC."""
    audit = view.audit
    rows = [_group(row) for row in audit["groups"]]
    for what, key in SUMMARIES.items():
        sizes = [count(audit["n"]), count(audit["positives"])] if key == "auc" else ["", ""]
        rows.append([what, *sizes, "", estimate(audit[key]), "", ""])
    header = ["group", "rows", "with finding", "prevalence", f"AUC [{view.level} interval]", WORST, "status"]
    notes = reasons({row["group"]: row for row in audit["groups"]})
    notes += reasons({what: audit[key] for what, key in SUMMARIES.items()})
    notes += [f"left out of lowest group, gap and differences: {name}" for name in audit["excluded"]]
    withheld = any(None in (row["n"], row["positives"]) for row in audit["groups"])
    return Table(f"AUC {view.place}", header, rows, notes + ([COUNT_NOTE] if withheld else []))


def _group(row: dict[str, Any]) -> list[str]:
    worst = WITHHELD if row["worst_share"] is None else f"{100 * row['worst_share']:.0f}"
    auc = interval(row["auc"], row["auc_low"], row["auc_high"])
    counts = [count(row["n"]), count(row["positives"]), number(row["prevalence"])]
    return [row["group"], *counts, auc, worst, row["status"]]


def reasons(items: dict[str, dict[str, Any]]) -> list[str]:
    """Give the reason of everything that is undefined or has no interval, equal ones once."""
    told: dict[str, list[str]] = {}
    for what, item in items.items():
        if item["reason"]:
            told.setdefault(str(item["reason"]), []).append(what)
    return [f"{_listed(some)}: {reason}" for reason, some in told.items()]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return "; ".join(names[:NAMED]) + more


def pair_table(view: View) -> Table:
    """Build the signed differences from the reference group, with p-values and what could have been seen."""
    family = {(p["group"], p["reference"]): p for p in view.of("pairs")}
    rows, items = [], {}
    for pair in view.audit["pairs"]:
        name = f"{pair['group']} - {pair['reference']}"
        over = family.get((pair["group"], pair["reference"]), pair)
        wanted = [count(pair["positives_wanted"]), count(pair["negatives_wanted"])]
        cells = [probability(over["p"]), probability(over["p_adjusted"]), number(pair["detectable"])]
        rows.append([name, change(pair["auc_difference"]) or WITHHELD, *cells, *wanted])
        items[name] = pair["auc_difference"]
    options = view.document["options"]
    header = ["group - reference", f"difference of AUC [{view.level} interval]", "p", "p adjusted"]
    header += ["smallest difference seen", "with finding wanted", "without wanted"]
    notes = [f"p adjusted: {options['correction'].capitalize()} over {options['family']}"] if options["family"] else []
    notes += [
        "smallest difference seen: a true difference that these numbers of patients would show in 4 of 5 such audits",
        "wanted: patients of the group, with and without the finding, to see a difference of 0.05 in 4 of 5 audits",
        *reasons(items),
    ]
    return Table(f"Differences between groups, {view.place}", header, rows, notes)


def ranking_table(view: View) -> Table | None:
    """Build the ranking in which small groups borrow strength; None where it was not made."""
    found = next(iter(view.of("rankings")), None)
    if found is None or not found["groups"]:
        return None
    title = f"Groups ranked, small ones drawn towards the mean, {view.place}"
    if all(row["pooled"] is None for row in found["groups"]):
        return Table(title, ["group", "rank"], [[EVERY, HELD]], [RANKING_NOTE])
    rows = []
    for row in found["groups"]:
        worst = WITHHELD if row["worst_share"] is None else f"{100 * row['worst_share']:.0f}"
        pooled = interval(row["pooled"], row["low"], row["high"])
        place = WITHHELD if row["rank"] is None else f"{row['rank']:g}"
        rows.append([row["group"], count(row["n"]), place, number(row["auc"]), pooled, worst, row["status"]])
    notes = [f"{found['method']}: mean {number(found['mean'])}, spread between groups {number(found['tau'])}"]
    notes += [f"left out: {', '.join(found['left_out'])}"] if found["left_out"] else []
    header = ["group", "rows", "rank", "AUC", "pooled AUC [interval]", "chance of being worst, of 100", "status"]
    return Table(title, header, rows, notes)


def cross_table(view: View) -> Table | None:
    """Build how groups rank against everybody else under one shared order of scores; None without."""
    found = view.audit["cross_group"]
    if not found:
        return None
    rows = [[row["group"], estimate(row["bpsn"]), estimate(row["bnsp"])] for row in found]
    notes = [
        "the group's negatives below others' positives: low means that this group is alarmed in the place of others",
        "the group's positives above others' negatives: low means that this group is missed in favour of others",
        *reasons({f"{row['group']}, {key}": row[key] for row in found for key in ("bpsn", "bnsp")}),
    ]
    header = ["group", "its negatives below others' positives", "its positives above others' negatives"]
    return Table(f"Ranking across groups, {view.place} [{view.level} interval]", header, rows, notes)


def change_tables(view: View) -> list[Table]:
    """Build, for each reference model, how every group's AUC changed on the same rows."""
    tables = []
    for one in view.of("comparisons"):
        items = {"all rows": one["auc"], "lowest group": one["min_group_auc"], "gap, best - lowest": one["auc_gap"]}
        items = {row["group"]: row["auc"] for row in one["groups"]} | items
        counted = [*one["groups"], one | {"group": "all rows"}]
        sizes = {row["group"]: [count(row["n"]), count(row["positives"])] for row in counted}
        rows = [[name, *sizes.get(name, ["", ""]), change(item)] for name, item in items.items()]
        title = f"Change of AUC {view.place}: {one['model']} minus {one['reference']}"
        header = ["group", "rows", "with finding", f"change of AUC [paired {view.level} interval]"]
        tables.append(Table(title, header, rows, reasons(items)))
    return tables
