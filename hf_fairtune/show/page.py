"""The page of an audit: one HTML file that needs no network and no script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import jinja2
from markupsafe import Markup

from ..document.document import Document
from . import figures
from .answer import answer_table, answers, compared, headline, limits
from .drawing import Picture
from .table import Table, as_html, as_markdown, markdown
from .tables import (
    auc_table,
    calibration_table,
    cross_table,
    gate_table,
    measure_table,
    operating_tables,
    pair_table,
    ranking_table,
    sheet_tables,
    threshold_tables,
)
from .view import View, finding, splits, views
from .words import GAP_VERDICTS, LEGEND, MISSING, SHARING, clean, interval, listed, percent, size

# Bytes of the page, out of 2 MB: the first tables of every audit, the figures, then what fits of the other tables.
TABLES, FIGURES = 850_000, 950_000
SHOWN = 8
FILES = "groups.csv and thresholds.csv hold their numbers"


@dataclass
class Room:
    """What is left of the page; `refused` counts what found no place."""

    left: int
    refused: int = 0

    def tables(self, tables: Iterable[Table | None]) -> list[Markup]:
        """Write the tables that have rows and find a place."""
        made = [as_html(table) for table in tables if table is not None and table.rows and len(table.header) > 1]
        return [Markup(text) for text in made if self.takes(len(text.encode()))]

    def figures(self, pictures: Iterable[Picture | None]) -> list[Drawn]:
        """Draw the figures that find a place; none is drawn once one found none."""
        taken = []
        for picture in pictures:
            if picture is None or self.refused:
                continue
            drawn = Drawn(picture, *picture.image())
            taken += [drawn] if self.takes(len(drawn.data) + 4 * len(picture.alt)) else []
        return taken

    def takes(self, size: int) -> bool:
        """Take up room, or refuse."""
        fits = size <= self.left
        self.left, self.refused = (self.left - size, self.refused) if fits else (self.left, self.refused + 1)
        return fits


@dataclass(frozen=True)
class Drawn:
    """A picture as the page holds it: in base 64, with its size in pixels."""

    picture: Picture
    data: str
    width: int
    height: int


@dataclass
class Section:
    """One audit on the page: its heading, figures, first tables and further tables."""

    title: str
    main: list[Markup]
    figures: list[Drawn] = field(default_factory=list)
    more: list[Markup] = field(default_factory=list)


def page(document: Document) -> str:
    """Write a document as one self-contained HTML page of less than 2 MB: no script, no font, nothing that loads.

    Args:
        document: of an audit or a run; exact, or made by `publish`, and the page says which.
    """
    return render("page.html.j2", **contents(document))


def render(template: str, **values: object) -> str:
    """Fill in a template of this room: HTML, or Markdown."""
    html = ".html" in template
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=html,
        finalize=(lambda value: clean(value) if type(value) is str else value) if html else None,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {} if html else {"escape": lambda value: markdown(str(value)), "table": as_markdown}
    return environment.from_string((Path(__file__).parent / template).read_text(encoding="utf-8")).render(values)


def contents(document: Document) -> dict[str, object]:
    """Collect what the template prints."""
    every, said = views(document), answers(document)
    tables, drawn = Room(TABLES), Room(FIGURES)
    head = tables.tables([answer_table(said) if len(said) > SHOWN else None])
    sheets = tables.tables(sheet_tables(document))
    sections = [Section(view.place, tables.tables([auc_table(view), pair_table(view)])) for view in every]
    overview = drawn.figures(picture for some in list(by_scope(every))[:2] for picture in overviews(some))
    for view, section in zip(every, sections, strict=True):
        section.figures = drawn.figures(make(view) for make in (figures.roc, figures.rates, figures.reliability))
    for view, section in zip(every, sections, strict=True):
        section.more = tables.tables(further(view))
    order = list(GAP_VERDICTS)
    lost = ["Figures are drawn for the first audits only; the tables hold all."] if drawn.refused else []
    lost += [f"{tables.refused} tables found no place on this page; {FILES}."] if tables.refused else []
    return {
        "title": document.model_named(document.model).title,
        "subtitle": subtitle(document),
        "shared": document.shared,
        "sharing": SHARING[document.shared],
        "facts": facts(document),
        "headline": headline(said),
        "answers": sorted(said, key=lambda one: order.index(one.kind))[:SHOWN],
        "unsaid": max(0, len(said) - SHOWN),
        "answer_tables": head,
        "compared": [text for view in every for text in [compared(view)] if text][:SHOWN],
        "gate": document.gate,
        "gate_tables": [Markup(as_html(gate_table(document.gate)))] if document.gate else [],
        "sheets": sheets,
        "overview": overview,
        "sections": [section for section in sections if section.figures or section.main or section.more],
        "shortened": lost,
        "legend": LEGEND,
        "limits": limits(document),
        "methods": methods(document),
    }


def by_scope(every: Sequence[View]) -> Iterator[list[View]]:
    """Gather the audits of each split and target."""
    return (list(some) for _, some in groupby(every, key=lambda view: view.scope))


def overviews(some: Sequence[View]) -> Iterator[Picture | None]:
    """Draw all attributes of one target together."""
    return (make(some) for make in (figures.forest, figures.gaps, figures.changes))


def further(view: View) -> list[Table | None]:
    """Build the tables that stand folded up."""
    more = [calibration_table(view), cross_table(view), ranking_table(view)]
    return [measure_table(view), *threshold_tables(view), *operating_tables(view), *more]


def subtitle(document: Document) -> str:
    """Say what the model finds, and by what it was audited."""
    found = [finding(document, target.name) for target in document.data.targets]
    by = dict.fromkeys(view.entry.attribute or "" for view in views(document))
    return f"Finding: {listed(found, SHOWN)}. Audited by: {'; '.join(by)}."


def facts(document: Document) -> list[tuple[str, str]]:
    """List what was audited, and on how many, for the head of the page: of the first split and target."""
    data, split = document.data, next(iter(splits(document)), "")
    sheet = data.splits.get(split)
    rows = [("rows", size(sheet.n))] if sheet else []
    rows += [(finding(document, key), size(n)) for key, n in sheet.positives.items()][:4] if sheet else []
    first = next((entry for entry in document.select(document.model, split) if entry.attribute is None), None)
    if first is not None and first.audit.auc.defined:
        level = percent(first.audit.confidence)
        rows.append((f"AUC of all rows [{level} interval]", interval(first.audit.auc)))
    rows += [(f"clusters: rows of one {data.cluster}", size(sheet.clusters))] if sheet and data.cluster else []
    alone = [one for one in sheet.attributes if one.kind != "intersection" and one.missing] if sheet else []
    rows += [(f"without {one.name}", size(one.missing)) for one in alone][:3]
    return [row for row in [*rows, ("split", split)] if row[1] not in ("", MISSING)]


def methods(document: Document) -> list[tuple[str, str]]:
    """List how the document was made: data, settings, methods, flags, versions."""
    data, made = document.data, document.provenance
    first = next((view.audit for view in views(document)), None)
    rows = [("made", made.created), ("data", data.name), ("label, task", f"{data.label}, {data.task}")]
    rows += [("scores", "probabilities" if data.probability else "no probabilities")]
    rows += [(f"hash of the rows, {split}", sheet.hash) for split, sheet in data.splits.items()]
    rows += [("clusters", data.cluster or "none: rows are taken to be independent")]
    if first is not None:
        rows += [("intervals", f"{percent(first.confidence)}, {first.n_boot:,} bootstrap replicates")]
        rows += [("permutations", f"{document.settings.n_permutations:,}"), ("seed", str(first.seed))]
        named = {"AUC": first.auc, "lowest group": first.min_group_auc, "gap": first.auc_gap, "ES-AUC": first.es_auc}
        rows += [(f"method, {what}", found.method) for what, found in named.items()]
        tests = dict.fromkeys(pair.p_method for pair in first.pairs if pair.p_method)
        rows += [("method, differences", "; ".join(tests))] if tests else []
    rows += [("p adjusted", f"{document.settings.correction}, over all pairs")]
    rows += [
        (f"--{flag}", written(value)) for flag, value in document.arguments.items() if value not in (None, [], "")
    ]
    rows += [(f"version of {library}", version) for library, version in made.versions.items()]
    return [*rows, ("git commit", made.git or "none")]


def written(value: object) -> str:
    """Write a flag's value as it is typed."""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
