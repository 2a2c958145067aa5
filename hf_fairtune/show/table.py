"""A table and its four dresses: aligned text, Markdown, HTML and LaTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from html import escape

import numpy as np

from ..document.estimate import Estimate, Reason
from ..errors import clean, plain
from .words import LETTER, MISSING, notes, number

# What makes a heading, a rule or a list of a line of Markdown where it stands first.
BLOCK = re.compile(r"^(\d*)(#(?=[#\s]|$)|[-+=](?=[-+=\s]|$)|(?<=\d)[.)](?=\s|$))")
Cell = str | int | float | None | Estimate
LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "[": "{[}",
        "]": "{]}",
        "*": "{*}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": "$<$",
        ">": "$>$",
        "|": r"\textbar{}",
        '"': "''",
        MISSING: "--",
    }
)


@dataclass(frozen=True)
class Table:
    """Cells as text, the name of a row first; `notes` say what a cell has no room for."""

    title: str
    header: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        title: str,
        header: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        said: Iterable[str] = (),
        *,
        why: Iterable[Reason] = (),
        signed: Collection[str] = ("change",),
        digits: int = 3,
    ) -> Table:
        """Write cells, and leave out columns in which nothing is written; without any other there are no rows.

        The first cell names its row. Notes are `said` and the reasons of the estimates and `why`; numbers of the
        columns `signed` have a sign.
        """
        cells, reasons = np.array(rows, object).reshape(-1, len(header)), list(why)
        for row in cells:
            for cell in row:
                for reason in cell.reasons if isinstance(cell, Estimate) else ():
                    reasons.append(replace(reason, group=reason.group or row[0]))
        texts = np.frompyfunc(partial(number, digits=digits), 1, 1)(cells)
        for place in np.flatnonzero(np.isin(header, list(signed))):
            texts[:, place] = np.frompyfunc(partial(number, digits=digits, sign=True), 1, 1)(cells[:, place])
        kept = np.append(0, 1 + np.flatnonzero(((texts != "") & (texts != MISSING)).any(axis=0)[1:]))
        heads = np.array(header, object)[kept].tolist()
        return cls(title, heads, texts[:, kept].tolist() if len(kept) > 1 else [], [*notes(reasons), *said])


def columns(text: str) -> int:
    """Count the terminal columns of a text: two for wide characters, none for combining ones."""
    wide = sum(map("WF".__contains__, map(unicodedata.east_asian_width, text)))
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def as_text(table: Table) -> str:
    """Align a table for a terminal."""
    lines = np.frompyfunc(plain, 1, 1)(np.array([table.header, *table.rows], object))
    widths = np.frompyfunc(columns, 1, 1)(lines)
    padded = lines + (widths.max(axis=0) - widths) * np.array(" ", object)
    head, *body = map(str.rstrip, map("  ".join, padded))
    rule = "  ".join(widths.max(axis=0) * np.array("-", object))
    return "\n".join([plain(table.title), head, rule, *body, *map("* {}".format, map(plain, table.notes))])


def as_markdown(table: Table) -> str:
    """Write a table as Markdown, its notes below."""
    lines = np.frompyfunc(markdown, 1, 1)(np.array([table.header, *table.rows], object))
    head, *body = map("| {} |".format, map(" | ".join, lines))
    notes = map("- {}".format, map(markdown, table.notes))
    return "\n".join([head, "|---" * len(table.header) + "|", *body, *([""] if table.notes else []), *notes])


def markdown(text: str) -> str:
    """Make a text safe inside Markdown: no markup, entity, address of the web, formula, cell or line end, no block."""
    marks = r"([\\|*_`<>~$]|\](?=[(\[:])|:(?=//)|(?<=www)\.|&(?=#?\w+;))"
    return BLOCK.sub(r"\1\\\2", re.sub(marks, r"\\\1", plain(text), flags=re.IGNORECASE))


def as_html(table: Table, most: int = 120) -> str:
    """Write a table as HTML that scrolls sideways by itself, its first `most` rows, its notes below."""
    texts = np.array([table.header, *table.rows[:most]], object)
    cells = np.frompyfunc(html, 1, 1)(texts)
    cells[cells[:, 0] == "", 0] = "(empty name)"
    # Numbers are the most cells, and need neither isolation nor a class: a page of many groups stays small.
    worded = np.frompyfunc(LETTER.search, 1, 1)(texts[1:]).astype(bool).any(axis=0)
    opened = np.where(worded, '<td class="text"><bdi>', "<td>").astype(object)
    closed = np.where(worded, "</bdi></td>", "</td>").astype(object)
    opened[0], closed[0] = '<th scope="row"><bdi>', "</bdi></th>"
    body = "</tr>\n<tr>".join(map("".join, opened + cells[1:] + closed))
    head = "".join(
        np.where(worded, '<th scope="col" class="text">', '<th scope="col">').astype(object) + cells[0] + "</th>"
    )
    left = len(table.rows) - most
    said = [*table.notes, f"{left:,} more rows are in the files beside this page"] if left > 0 else table.notes
    below = f'<ul class="notes"><li>{"</li><li>".join(map(html, said))}</li></ul>' if said else ""
    title = html(table.title)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{title}"><table><caption>{title}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody><tr>{body}</tr></tbody></table></div>{below}\n"
    )


def html(text: str) -> str:
    """Make a text safe inside HTML."""
    return escape(clean(text))


def as_latex(table: Table, label: str) -> str:
    """Write a table as a LaTeX table environment with booktabs, its title and notes as caption."""
    lines = np.frompyfunc(latex, 1, 1)(np.array([table.header, *table.rows], object))
    head, *rows = map(r"{} \\".format, map(" & ".join, lines))
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex('; '.join([table.title, *table.notes]))}.}}",
            rf"\label{{{label}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}",
            *(r"\toprule", head, r"\midrule", *rows, r"\bottomrule"),
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def latex(text: str) -> str:
    r"""Make a text safe inside LaTeX, a cell's beginning after `\\` included."""
    return plain(text).translate(LATEX)
