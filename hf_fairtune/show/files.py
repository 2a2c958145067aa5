"""The files that an audit and a run leave: the page at home, page and tables to be shared, the card."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from ..document.document import Audited, Document, Sharing
from ..document.estimate import Estimate
from ..errors import FairTuneError
from ..folder import write_atomically
from ..publish import publish
from .answer import answers, limits
from .drawing import Picture
from .figures import drawn_threshold
from .page import page, render
from .table import Cell, Change, Table, as_csv, as_latex
from .tables import ALL, auc_table, calibration_table, pair_table, sheet_tables, threshold_tables
from .view import View, views
from .words import cut, metric, p_value, reasons

SHARE, PAGE, FIGURES = "share", "audit.html", "figures"
SHARED = (PAGE, "groups.csv", "thresholds.csv", "audit.tex", "factors.md")
HEAD = """% Tables of an audit. They need \\usepackage{booktabs}; names beyond Latin letters need XeLaTeX or LuaLaTeX.
% A dash stands for what is undefined or withheld.

"""


def write_audit(document: Document, folder: str | Path, sharing: Sharing = "rates") -> list[Path]:
    """Write audit.json and audit.html, both exact, and in share/ what is made to be shared; return the paths.

    Args:
        document: the audit, with exact counts.
        folder: where the files go.
        sharing: how much share/ tells.

    Raises:
        FairTuneError: the folder cannot be made or written to.
    """
    place, public = Path(folder), publish(document, sharing)
    try:
        (place / SHARE).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FairTuneError(f"`{place}` cannot be made ({error.strerror}); choose another --output_dir.") from error
    tex = HEAD + "\n".join(as_latex(paper_table(view), f"tab:audit-{i}") for i, view in enumerate(views(public), 1))
    texts = (page(public), as_csv(group_rows(public)), as_csv(threshold_rows(public)), tex, factors(public))
    shared = [write_atomically(place / SHARE / name, text) for name, text in zip(SHARED, texts, strict=True)]
    return [document.save(place), write_atomically(place / PAGE, page(document)), *shared]


def write_card(document: Document, folder: str | Path, license: str | None = None) -> list[Path]:
    """Write README.md and figures/*.png, both made to be shared; return the paths.

    Figures of an earlier card that no longer apply are removed.

    Args:
        document: of a run, with exact counts.
        folder: the run's.
        license: of the weights, an identifier of the Hub; they derive from the base model, whose terms decide.

    Raises:
        FairTuneError: the disk is full or not writable.
    """
    from .card import card, pictures  # needs the Hub's library, and an audit has no card

    public = publish(document)
    drawn, place = pictures(public), Path(folder) / FIGURES
    try:
        place.mkdir(parents=True, exist_ok=True)
        for old in place.glob("*.png"):
            if old.stem not in {picture.name for picture in drawn}:
                old.unlink()
        written = [write_picture(picture, place / f"{picture.name}.png") for picture in drawn]
    except OSError as error:
        raise FairTuneError(f"`{place}` could not be written ({error.strerror}); free some space.") from error
    return [write_atomically(Path(folder) / "README.md", card(public, drawn, license)), *written]


def write_picture(picture: Picture, path: Path) -> Path:
    """Write a PNG, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(picture.png())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def group_rows(document: Document) -> Table:
    """Build groups.csv: every number of a target, attribute and group in a row; all rows have no attribute."""
    rows = []
    for entry in document.select(document.model):
        pairs = {pair.group: dict(_flat(pair)) for pair in entry.audit.pairs}
        ranks = {row.group: row for row in entry.audit.ranking.groups} if entry.audit.ranking else {}
        for row in entry.audit.groups:
            rank = ranks.get(row.group)
            pooled = {"pooled_auc": f"{rank.pooled:g}", "rank": str(rank.rank)} if rank else {}
            rows.append(_about(entry) | dict(_flat(row)) | pairs.get(row.group, {}) | pooled)
    return _tidy(rows)


def threshold_rows(document: Document) -> Table:
    """Build thresholds.csv: a row a target, attribute, threshold, group and rate; gaps are without a group."""
    rows = []
    for entry in document.select(document.model):
        for at in entry.audit.thresholds:
            about = _about(entry) | {"policy": at.policy, "fitted_on": at.fitted_on or ""}
            about |= {"cut": f"{at.value:g}", "degenerate": str(int(at.degenerate))}
            named = [(row.group, row.rates) for row in at.groups] if entry.attribute else [(ALL, at.overall.rates)]
            for group, items in [*named, ("", at.gaps if entry.attribute else {})]:
                own = {"cut": f"{at.by_group[group]:g}"} if at.by_group and group in at.by_group else {}
                rows += [about | own | {"group": group, "measure": key} | dict(_flat(e)) for key, e in items.items()]
    return _tidy(rows)


def _about(entry: Audited) -> dict[str, str]:
    return {"target": entry.target, "attribute": entry.attribute or ""}


def _flat(value: Any, column: str = "") -> Iterator[tuple[str, str]]:
    """Spread a part of a document over columns: an estimate over value, bounds, method and reason."""
    if isinstance(value, Estimate) and column:
        ends = {"": value.value, "_low": value.low, "_high": value.high, "_method": value.method}
        for end, item in ends.items():
            yield from _flat(item, column + end)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, key)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _flat(getattr(value, field.name), field.name)
    elif isinstance(value, tuple):
        yield "reason", reasons(value)
    else:
        known = value is not None and value == value
        yield column, "" if not known else f"{value:.6g}" if isinstance(value, float) else str(value)


def _tidy(rows: list[dict[str, str]]) -> Table:
    header = list(dict.fromkeys(column for row in rows for column in row))
    return Table("", header, [[row.get(column, "") for column in header] for row in rows])


def paper_table(view: View) -> Table:
    """Build the table of an audit for a paper: AUC, difference, adjusted p, and both rates at a threshold."""
    at, audit = drawn_threshold(view), view.audit
    pairs = {pair.group: pair for pair in audit.pairs}
    rates = {row.group: row.rates for row in at.groups} | {ALL: at.overall.rates} if at else {}
    rows: list[list[Cell]] = []
    for row in audit.groups:
        pair = pairs.get(row.group)
        tested: list[Cell] = [Change(pair.auc_difference), p_value(pair.p_adjusted)] if pair else ["", ""]
        found = rates.get(row.group, {})
        rows.append([row.group, row.n, row.positives, row.auc, *tested, found.get("tpr"), found.get("fpr")])
    found = rates.get(ALL, {})
    rows.append([ALL, audit.n, audit.positives, audit.auc, "", "", found.get("tpr"), found.get("fpr")])
    reference = f"; difference of AUC from {audit.pairs[0].reference}, p adjusted over all pairs" if pairs else ""
    title = f"AUC {view.place}, with {view.level}s{reference}" + (f"; rates at {cut(at, view.digits)}" if at else "")
    header = ["group", "rows", "positive", "AUC", "difference", "p", metric("tpr"), metric("fpr")]
    return Table.of(title, header, rows, digits=view.digits)


def factors(document: Document) -> str:
    """Write the sections of a model card on groups as Markdown, headings of the second level down.

    Headings and content follow Mitchell et al. (2019), Model Cards for Model Reporting, sections 4.3, 4.4 and 4.7:
    which groups and why, which measures at which thresholds with which uncertainty, and results one factor at a time
    (unitary) and together (intersectional).
    """
    every = views(document)
    sheets = {one.name: one for sheet in document.data.splits.values() for one in sheet.attributes}
    results: dict[str, list[Table]] = {"Unitary results": [], "Intersectional results": []}
    for view in every:
        joint = view.entry.attribute in sheets and sheets[view.entry.attribute].kind == "intersection"
        tables = [auc_table(view), pair_table(view), *threshold_tables(view), calibration_table(view)]
        results["Intersectional results" if joint else "Unitary results"] += [table for table in tables if table.rows]
    return render(
        "factors.md.j2",
        data=document.data,
        sheets=list(sheets.values()),
        counts=sheet_tables(document),
        thresholds=[cut(at) for at in (every[0].audit.thresholds if every else ())],
        level=every[0].level if every else "",
        correction=document.settings.correction,
        answers=answers(document),
        results=results,
        limits=limits(document),
    )
