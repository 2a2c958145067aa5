"""On whom: rows, findings, prevalence and missing values by attribute."""

from __future__ import annotations

from typing import Any

from ..report.layout import Table, number
from .view import WITHHELD, Document, count, finding

COUNT_NOTE = (
    "– in the place of a count: it is between 1 and 10, or would give such a count away, and is not told so that "
    "nobody can be recognised"
)


def data_sheets(document: Document) -> list[Table]:
    """Build a table for each attribute, a row a level and the findings side by side."""
    return [data_sheet(document, attribute) for attribute in document["attributes"]]


def data_sheet(document: Document, attribute: dict[str, Any]) -> Table:
    """Count the levels of one attribute."""
    targets = [target["name"] for target in document["targets"]]
    rows = []
    for level in attribute["levels"]:
        # An intersection's name says itself which of its attributes is missing.
        alone = level["missing"] and attribute["kind"] != "intersection"
        name = f"{level['group']} (not recorded)" if alone else level["group"]
        found = [part(level["positives"].get(target), level["n"]) for target in targets]
        rows.append([name, part(level["n"], document["n"]), *found])
    every = [part(target["positives"], target["n"]) for target in document["targets"]]
    rows.append(["all rows", count(document["n"]), *every])
    header = ["group", "rows (share of all)", *(f"{finding(document, t)} (share of group)" for t in targets)]
    return Table(f"Rows by {attribute['name']}", header, rows, _notes(attribute, rows))


def part(some: int | None, whole: int | None) -> str:
    """Write `120 (24.0 %)`, or a dash where a count is withheld."""
    if some is None:
        return WITHHELD
    return f"{some:,} ({100 * some / whole:.1f} %)" if whole else f"{some:,}"


def _notes(attribute: dict[str, Any], rows: list[list[str]]) -> list[str]:
    cuts = ", ".join(f"{cut:g}" for cut in attribute["cuts"])
    told = [f"column {', '.join(attribute['columns'])}, cut at {cuts}"] if cuts else []
    if attribute["missing"]:
        told.append("a value that was not recorded is a group of its own; nobody is left out for it")
    return told + ([COUNT_NOTE] if any(WITHHELD in row[1:] for row in rows) else [])


def facts(document: Document) -> list[tuple[str, str]]:
    """List what was audited, and on how many, for the head of the page."""
    targets = document["targets"]
    rows = [("rows", count(document["n"]))]
    rows += [(finding(document, t["name"]), part(t["positives"], t["n"])) for t in targets[:4]]
    rows += [("more findings", str(len(targets) - 4))] if len(targets) > 4 else []
    rows += _overall(document)
    if document["cluster"] is not None:
        clusters = document["overall"][0]["audit"]["clusters"] if document["overall"] else None
        rows.append((f"rows belong together by {document['cluster']}", f"{count(clusters)} clusters"))
    gone = [a for a in document["attributes"] if a["kind"] != "intersection" and a["missing"]]
    rows += [(f"not recorded: {a['name']}", part(a["missing"], document["n"])) for a in gone[:3]]
    split = document["source"]["split"]
    return rows + ([("split", split)] if split is not None else [])


def _overall(document: Document) -> list[tuple[str, str]]:
    """Write the AUC of all rows, which is of the first target."""
    auc, targets = document["auc"], document["targets"]
    if auc["value"] is None:
        return []
    known = None not in (auc["low"], auc["high"])
    ends = f" ({number(auc['low'], 2)} to {number(auc['high'], 2)})" if known else ""
    which = f" for {finding(document, targets[0]['name'])}" if len(targets) > 1 else ""
    level = f"{100 * document['options']['confidence']:g} % interval"
    return [(f"AUC of all rows{which}, {level}", f"{number(auc['value'], 2)}{ends}")]
