"""The page of an audit: one HTML file that needs no network and no script."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ..document.document import ALL_ROWS, Document
from ..errors import clean
from . import figures
from .answer import Answer, answers, headline, limits, reading
from .classes import class_tables, several
from .compared import compared
from .decision_figure import decision
from .drawing import Picture
from .enrichment import enrichment_sentence, enrichment_tables
from .group_names import in_words
from .methods import methods_said
from .methods import tables as method_tables
from .reading import reading_table, weighted
from .table import Cell, Table, as_html, as_markdown, markdown
from .tables import auc_table, further_tables, pair_table, sheet_tables
from .view import digits_of, splits, views
from .words import SHARING, WORSE, listed, number, percent

# Bytes of the page, out of 2 MB.
TABLES, FIGURES = 850_000, 950_000
SHOWN = 8
OVERVIEW = (figures.forest, figures.gaps, figures.changes)
DETAILS = (figures.roc, figures.rates, figures.reliability, decision)
# A picture, its data in base 64, and its size in pixels.
Drawn = tuple[Picture, str, int, int]
TEMPLATES = Path(__file__).parent


@dataclass
class Room:
    """What is left of the page for tables or figures; `refused` counts those without a place."""

    left: int
    refused: int = 0

    def tables(self, tables: Iterable[Table]) -> list[Markup]:
        """Write the tables that have rows and find a place."""
        taken = []
        for table in tables:
            text = as_html(table) if table.rows else ""
            taken += [Markup(text)] if text and self._takes(len(text.encode())) else []
        return taken

    def figures(self, makers: Iterable[Callable[[Any], Picture | None]], shown: Any) -> list[Drawn]:
        """Draw the figures of what is shown that find a place; none is drawn once one found none."""
        taken: list[Drawn] = []
        for make in makers:
            picture = None if self.refused else make(shown)
            if picture is not None:
                image = picture.image()
                taken += [(picture, *image)] if self._takes(len(image[0]) + 4 * len(picture.alt)) else []
        return taken

    def _takes(self, size: int) -> bool:
        fits = size <= self.left
        self.left, self.refused = (self.left - size, self.refused) if fits else (self.left, self.refused + 1)
        return fits


def page(document: Document) -> str:
    """Write a document as one HTML page of less than 2 MB that loads nothing; it says what was published."""
    document = in_words(document)
    every, said, gate, lines, judged = views(document), answers(document), document.gate, list[Any](), list[Table]()
    if gate:
        from .gate import gate_lines, gate_table  # most audits have none

        lines, judged = gate_lines(gate), [gate_table(gate, digits_of(document))]
    tables, drawn, overview, main, details = Room(TABLES), Room(FIGURES), list[Drawn](), [], []
    # What comes first finds a place first: the first tables of every audit, all figures, then the other tables.
    head = tables.tables([answer_table(said)] if len(said) > SHOWN else [])
    head += tables.tables(class_tables(every)) if several(document) else []
    sheets = tables.tables([*sheet_tables(document), reading_table(document.data)])
    rules, columns = tables.tables(judged), tables.tables(enrichment_tables(document))
    for view in every:
        main.append(tables.tables([*method_tables(view), auc_table(view), pair_table(view)]))
    for _, some in groupby(every, attrgetter("scope")):
        overview += drawn.figures(OVERVIEW, list(some))
    for view in every:
        details.append((drawn.figures(DETAILS, view), tables.tables(further_tables(view))))
    return render(
        "page.html.j2",
        title=document.model_named(document.model).title,
        subtitle=f"Finding: {listed([*map(attrgetter('words'), document.data.targets)], SHOWN)}.",
        shared=document.shared,
        sharing=SHARING[document.shared],
        facts=facts(document),
        weighted=weighted(document),
        headline=headline(said),
        answers=sorted(said, key=attrgetter("rank"))[:SHOWN],
        unsaid=max(0, len(said) - SHOWN),
        answer_tables=head,
        methods=list(filter(None, map(methods_said, every)))[:SHOWN],
        compared=list(map(compared, filter(attrgetter("comparison"), every)))[:SHOWN],
        gate=gate,
        gate_lines=lines,
        gate_tables=rules,
        sheets=sheets,
        overview=overview,
        enrichment=enrichment_sentence(document),
        enrichment_tables=columns,
        sections=list(zip(every, main, details, strict=True)),
        lost=(drawn.refused, tables.refused),
        reading=reading(said),
        limits=limits(document),
        document=document,
        audit=every[0].audit if every else None,
    )


def answer_table(found: Sequence[Answer]) -> Table:
    """Lay every answer out as a row."""
    rows: list[list[Cell]] = []
    for one in found:
        gaps = [one.sides[question].gap if question in one.sides else "" for question in WORSE]
        worst = [side.groups[0][0] for side in one.sides.values() if side.kind == "beyond"]
        rows.append([one.view.place, one.kind, ", ".join(dict.fromkeys(worst)), *gaps])
    header = ["audit", "answer", "worst", "gap of cases found", "gap of false alarms", "gap of AUC"]
    return Table.of("Every gap between groups", header, rows, digits=found[0].view.digits if found else 2)


def render(template: str, **values: object) -> str:
    """Fill in a template of this room: HTML, or Markdown."""
    html = ".html" in template
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=html,
        finalize=_cleaned if html else None,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {} if html else {"escape": markdown, "table": as_markdown}
    return environment.get_template(template).render(values)


def _cleaned(value: object) -> object:
    return clean(value) if type(value) is str else value


def facts(document: Document) -> dict[str, str]:
    """List what was audited, and on how many, for the head of the page: of the first split."""
    data, split = document.data, next(iter(splits(document)), "")
    sheet, rows = data.splits.get(split), dict[str, str]()
    if sheet is not None:
        rows["rows"] = number(sheet.n)
        for target in data.targets[:4]:
            rows[f"cases: {target.words}"] = number(sheet.positives.get(target.name))
    for entry in document.select(document.model, split, data.targets[0].name):
        if entry.attribute is None:
            rows[f"AUC of all rows [{percent(entry.audit.confidence)} interval]"] = number(entry.audit.auc)
    if sheet is not None and data.cluster:
        rows[f"clusters: rows of one {data.cluster}"] = number(sheet.clusters)
    for one in sheet.attributes if sheet else ():
        rows |= {f"without {one.name}": number(one.missing)} if one.missing and one.kind != "intersection" else {}
    return rows | ({"split": split} if split != ALL_ROWS else {})
