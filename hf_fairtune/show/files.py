"""The files that an audit and a run leave: the page at home, page and tables to be shared, the card."""

import re
from dataclasses import fields
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from ..audits.metrics.metric import cut_metrics
from ..document.audit import GroupAudit, Pair
from ..document.data import AttributeSheet
from ..document.document import Document, Sharing
from ..document.estimate import Effective, Estimate
from ..errors import FairTuneError, first_line, plain
from ..files import manifest
from ..files.atomic import write_atomically
from ..files.folder import AUDIT, ENRICHMENT, SHARE, make
from ..files.lock import hold
from ..publish import publish
from .answer import answers, limits
from .enrichment import enriched
from .group_names import in_words
from .page import page, render
from .reading import weighted
from .table import Cell, Table, as_latex
from .tables import ALL, auc_table, calibration_tables, pair_table, sheet_tables, threshold_tables
from .view import View, views
from .words import metric, p_value, reasons, threshold, written

PAGE, FIGURES = "audit.html", "figures"
# A sign before something, of any width, that is no number; a lone one is a level, as of a test.
FORMULA = re.compile(r"(?![-+][\d.]+(e[-+]?\d+)?$)[=+@|\uff0b\uff0d\uff1d\uff20-].")
HEAD = """% Tables of an audit. They need \\usepackage{booktabs}; names beyond Latin letters need XeLaTeX or LuaLaTeX.
% A dash stands for what is undefined or withheld.

"""
# Columns of weighted rows.
WEIGHTED_ONLY = {*Effective.__dataclass_fields__, "scarcer"}


def write_audit(document: Document, folder: str | Path, sharing: Sharing = "rates") -> list[Path]:
    """Write audit.json and audit.html, both exact, and in share/ what is made to be shared; return the paths.

    What an earlier audit says of columns and errors is removed.

    The document has exact counts; `sharing` is how much share/ tells.

    Raises:
        FairTuneError: the folder cannot be made or written to.
    """
    place, public = Path(folder), publish(document, sharing)
    with hold(place):
        return _write_audit(document, public, place)


def _write_audit(document: Document, public: Document, place: Path) -> list[Path]:
    # First, so that after a kill the folder is known for an audit's, which the next one replaces.
    exact = document.save(place)
    make(place / SHARE)
    (place / SHARE / ENRICHMENT).unlink(missing_ok=True)
    labels = map("tab:audit-{}".format, count(1))
    tex = HEAD + "\n".join(map(as_latex, map(paper_table, views(in_words(public))), labels))
    texts = (page(public), group_rows(public), threshold_rows(public), tex, factors(public))
    shared = [*map(write_atomically, map((place / SHARE).joinpath, AUDIT), texts)]
    if rows := enrichment_rows(public):
        shared.append(write_atomically(place / SHARE / ENRICHMENT, rows))
    written = [exact, write_atomically(place / PAGE, page(document)), *shared]
    named = {*(path.relative_to(place).as_posix() for path in written), f"{SHARE}/{ENRICHMENT}"}
    manifest.write(place, named)
    return written


def write_card(document: Document, folder: str | Path, license: str | None = None) -> list[Path]:
    """Write README.md and figures/*.png, both made to be shared; return the paths.

    Figures of an earlier card that no longer apply are removed. The document has exact counts; see `card` for the
    license.

    Raises:
        FairTuneError: the disk is full or not writable.
    """
    from .card import card, pictures  # needs the Hub's library, and an audit has no card

    public = publish(document)
    drawn, place = pictures(public), Path(folder) / FIGURES
    try:
        for old in place.glob("*.png"):
            if old.stem not in {picture.name for picture in drawn}:
                old.unlink()
    except OSError as error:
        raise FairTuneError(f"`{place}` could not be written ({first_line(error)}); free some space.") from error
    paths = [picture.write(place / f"{picture.name}.png") for picture in drawn]
    return [write_atomically(Path(folder) / "README.md", card(public, drawn, license)), *paths]


def group_rows(document: Document) -> str:
    """Write groups.csv: every number of a target, attribute and group in a row; all rows have no attribute."""
    rows: list[dict[str, str]] = []
    for entry in document.select(document.model):
        found: dict[str, dict[str, str]] = {}
        parts: list[GroupAudit | Pair] = [*entry.audit.groups, *entry.audit.pairs]
        for part in parts:
            where = {"target": entry.target, "attribute": entry.attribute or ""}
            _spread(found.setdefault(part.group, where), part)
        for ranked in entry.audit.ranking.groups if entry.audit.ranking else ():
            pooled = {"pooled_auc": ranked.pooled, "pooled_low": ranked.low, "pooled_high": ranked.high}
            for name, value in (pooled | {"rank": ranked.rank}).items():
                found[ranked.group][name] = written(value, 6)
        rows += found.values()
    return _csv(rows)


def threshold_rows(document: Document) -> str:
    """Write thresholds.csv: a row a target, attribute, threshold, group and rate; gaps are without a group.

    What a cut stands for has a column beside it, of flagging everybody in the group.
    """
    rows: list[dict[str, str]] = []
    for entry in document.select(document.model):
        shares = dict(map(attrgetter("group", "prevalence"), entry.audit.groups))
        for at in entry.audit.thresholds:
            about = {"target": entry.target, "attribute": entry.attribute or "", "policy": at.policy}
            about |= {"fitted_on": at.fitted_on or "", "degenerate": f"{at.degenerate:d}"}
            named = dict(map(attrgetter("group", "rates"), at.groups)) | {"": at.gaps} if entry.attribute else {}
            for group, items in (named or {ALL: at.overall.rates}).items():
                cut = (at.by_group or {}).get(group, at.value)
                for key, item in items.items():
                    rows.append(about | {"cut": written(cut, 6), "group": group, "measure": key})
                    _spread(rows[-1], item)
                    if key in cut_metrics() and 0 <= cut < 1:
                        rows[-1]["flagging_all"] = written(cut_metrics()[key].flagging_all(shares[group], cut), 6)
    return _csv(rows)


def enrichment_rows(document: Document) -> str:
    """Write enrichment.csv: a row a target, column, value and mistake; nothing where no column is shown."""
    rows: list[dict[str, str]] = []
    for entry in enriched(document):
        for column in entry.audit.enrichment.columns if entry.audit.enrichment else ():
            for value in column.values:
                rows.append({"split": entry.split, "target": entry.target, "column": column.name})
                _spread(rows[-1], value)
    return _csv(rows) if rows else ""


def _spread(row: dict[str, str], part: Any, before: str = "") -> None:
    """Spread a part of a document over the columns of a row; an estimate over value, bounds, method and reason."""
    for field in sorted(fields(part), key=attrgetter("kw_only")):  # what is inherited comes last
        value = getattr(part, field.name)
        if value is None and field.name in WEIGHTED_ONLY:
            continue
        for name, item in (value if isinstance(value, dict) else {field.name: value}).items():
            if isinstance(item, Estimate):
                _spread(row, item, f"{name}_")
            elif isinstance(item, tuple):
                row[f"{before}reason"] = reasons(item)
            else:
                row[f"{before}{name}".removesuffix("_value")] = written(item, 6)


def _csv(rows: list[dict[str, str]]) -> str:
    return pd.DataFrame(rows, dtype=object).fillna("").map(csv_cell).to_csv(index=False, lineterminator="\n")


def csv_cell(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula."""
    cell = plain(text)
    return f"'{cell}" if FORMULA.match(cell) else cell


def spreadsheet(frame: pd.DataFrame) -> str:
    """Write columns of the user's as CSV: texts as they are, but for those that a spreadsheet takes for formulas."""

    def kept(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and FORMULA.match(value.lstrip()) else value

    safe = frame.apply(lambda column: column if is_numeric_dtype(column) else column.map(kept))
    return str(safe.rename(columns=kept).to_csv(index=False))


def paper_table(view: View) -> Table:
    """Build the table of an audit for a paper: AUC, difference, adjusted p, and both rates at a threshold."""
    place, audit = view.deployed(), view.audit
    at = None if place is None else audit.thresholds[place]
    reference, rows = "", list[list[Cell]]()
    for where, row in enumerate(audit.groups):
        rows.append([row.group, row.n, row.positives, row.auc, "", ""])
        for pair in audit.pairs:
            if pair.group == row.group:
                reference, rows[-1][4:] = pair.reference, [pair.auc_difference, p_value(pair.p_adjusted)]
        rows[-1] += [at.groups[where].rates["tpr"], at.groups[where].rates["fpr"]] if at else ["", ""]
    rows.append([ALL, audit.n, audit.positives, audit.auc, "", ""])
    rows[-1] += [at.overall.rates["tpr"], at.overall.rates["fpr"]] if at else ["", ""]
    title = f"AUC {view.place}, with {view.level}s"
    title += f"; difference of AUC from {reference}, p adjusted over all pairs" if reference else ""
    title += f"; rates at {threshold(at, view.digits)}" if at else ""
    header = ["group", "rows", "positive", "AUC", "difference", "p", metric("tpr"), metric("fpr")]
    return Table.of(title, header, rows, signed=["difference"], digits=view.digits)


def factors(document: Document) -> str:
    """Write the sections of a model card on groups as Markdown, headings of the second level down.

    Headings and content follow Mitchell et al. (2019), Model Cards for Model Reporting, sections 4.3, 4.4 and 4.7:
    which groups and why, which measures at which thresholds with which uncertainty, and results one factor at a time
    (unitary) and together (intersectional).
    """
    document = in_words(document)
    every = views(document)
    sheets: dict[str, AttributeSheet] = {}
    for split in document.data.splits.values():
        sheets |= zip(map(attrgetter("name"), split.attributes), split.attributes, strict=True)
    results: dict[str, list[Table]] = {"Unitary results": [], "Intersectional results": []}
    for view in every:
        joint = view.attribute in sheets and sheets[view.attribute].kind == "intersection"
        tables = [auc_table(view), pair_table(view), *threshold_tables(view), *calibration_tables(view)]
        results["Intersectional results" if joint else "Unitary results"] += filter(attrgetter("rows"), tables)
    return render(
        "factors.md.j2",
        data=document.data,
        sheets=list(sheets.values()),
        counts=sheet_tables(document),
        thresholds=[*map(threshold, every[0].audit.thresholds)] if every else [],
        level=every[0].level if every else "",
        correction=document.settings.correction,
        answers=answers(document),
        results=results,
        weighted=weighted(document),
        limits=limits(document),
    )
