"""The page of an audit: one HTML file that needs no network and no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ..report.gallery import Picture
from ..report.layout import Table
from .answer import answer_table, answers, compared, headline, worst_first
from .data_sheet import data_sheets, facts
from .gallery import Drawn, details, drawn, overview
from .limits import audit_limits, gate_table, methods
from .markup import clean, encodable, html_table
from .tables import auc_table, change_tables, cross_table, pair_table, ranking_table
from .threshold_tables import calibration_table, operating_tables, rate_tables
from .view import Document, View, finding, views

TEMPLATE = "page.html.j2"
# Letters of the page, out of 2 MB: every audit's first tables, then figures, then what fits of the other tables.
MAIN, FIGURES, ALL = 450_000, 900_000, 1_800_000
SHOWN = 8
MOST_ROWS = 120


@dataclass
class Room:
    """What is left of the page; `refused` counts what found no place."""

    left: int
    refused: int = 0

    def tables(self, tables: Iterable[Table | None]) -> list[Markup]:
        """Lay out the tables that find a place."""
        made = [html_table(table, MOST_ROWS) for table in tables if table is not None and table.rows]
        return [text for text in made if self._takes(len(text.encode()))]

    def figures(self, pictures: Iterable[Picture]) -> list[Drawn]:
        """Draw the figures that find a place; none is drawn once one found none."""
        taken: list[Drawn] = []
        for picture in pictures:
            if self.refused:
                break
            one = drawn(picture)
            taken += [one] if self._takes(len(one.data) + 4 * len(one.alt) + len(one.reading)) else []
        return taken

    def _takes(self, size: int) -> bool:
        if size > self.left:
            self.refused += 1
            return False
        self.left -= size
        return True


@dataclass
class Section:
    """One audit on the page: its heading, figures, first tables and further tables."""

    title: str
    figures: list[Drawn] = field(default_factory=list)
    main: list[Markup] = field(default_factory=list)
    more: list[Markup] = field(default_factory=list)


def page(document: Document) -> str:
    """Write an audit as one self-contained HTML page of less than 2 MB: no script, no font, nothing that loads.

    Args:
        document: content of `audit.json` with its small counts withheld (None); see `suppress_audit`.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=lambda value: encodable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(TEMPLATE).render(**contents(document))


def contents(document: Document) -> dict[str, Any]:
    """Collect what the template prints."""
    every, said, gate = list(views(document)), answers(document), gate_table(document)
    main, figures = Room(MAIN), Room(FIGURES)
    head = main.tables([answer_table(document) if len(every) > SHOWN else None])
    sheets = main.tables(data_sheets(document))
    first = figures.figures(picture for some in by_target(every)[:2] for picture in overview(some))
    sections = [Section(view.place, main=main.tables([auc_table(view), pair_table(view)])) for view in every]
    for view, section in zip(every, sections, strict=True):
        section.figures = figures.figures(details(view))
    more = Room(ALL - (MAIN - main.left) - (FIGURES - figures.left))
    for view, section in zip(every, sections, strict=True):
        section.more = more.tables(further(view))
    return {
        "title": title(document),
        "subtitle": subtitle(document),
        "facts": facts(document),
        "headline": headline(said),
        "answers": worst_first(said)[:SHOWN],
        "unsaid": max(0, len(said) - SHOWN),
        "answer_tables": head,
        "compared": compared(document)[:SHOWN],
        "gate": document["gate"],
        "gate_tables": [] if gate is None else [html_table(gate, MOST_ROWS)],
        "sheets": sheets,
        "overview": first,
        "sections": [section for section in sections if section.figures or section.main or section.more],
        "shortened": shortened(main, figures, more),
        "limits": audit_limits(document),
        "methods": methods(document),
    }


def title(document: Document) -> str:
    """Name what was audited."""
    return clean(document["source"]["model"] or document["source"]["name"])


def subtitle(document: Document) -> str:
    """Say what it finds, and by what it was audited."""
    found = [clean(finding(document, target["name"])) for target in document["targets"]]
    listed = ", ".join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
    by = ", ".join(clean(attribute["name"]) for attribute in document["attributes"])
    return f"Finding: {listed}. Looked at by: {by}."


def by_target(every: Sequence[View]) -> list[list[View]]:
    """Gather the audits of each target."""
    names = dict.fromkeys(view.target for view in every)
    return [[view for view in every if view.target == name] for name in names]


def further(view: View) -> list[Table | None]:
    """Build the tables that stand folded up."""
    thresholds = [*rate_tables(view), *operating_tables(view)]
    return [*change_tables(view), *thresholds, calibration_table(view), cross_table(view), ranking_table(view)]


def shortened(main: Room, figures: Room, more: Room) -> list[str]:
    """Say what found no place on the page."""
    said = ["Figures are drawn for the first audits only; the tables hold all."] if figures.refused else []
    lost, where = main.refused + more.refused, "groups.csv and thresholds.csv hold their numbers"
    return said + ([f"{lost} tables found no place on this page; {where}."] if lost else [])
