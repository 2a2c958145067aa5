"""A table and its five dresses: aligned text, Markdown, HTML, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import NamedTuple

from ..document.estimate import Estimate, Reason
from . import words
from .words import ISOLATES, MISSING, clean, interval, number, size


class Change(NamedTuple):
    """A cell with a difference, written with its sign."""

    found: Estimate


class Noted(NamedTuple):
    """A cell with a text and the reasons for it."""

    text: str
    reasons: tuple[Reason, ...]


Cell = str | int | float | None | Estimate | Change | Noted
NO_NAME = "(empty name)"
FORMULA = re.compile(r"[=+@\t]|-(?![\d.]+$)")
LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        **{letter: f"\\{letter}" for letter in "{}&%$#_"},
        **{letter: f"{{{letter}}}" for letter in "[]*"},
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
        rows: Iterable[Sequence[Cell]],
        notes: Iterable[str] = (),
        digits: int = 3,
    ) -> Table:
        """Write cells, leave out columns in which nothing is written, and give every reason once as a note.

        Args:
            title: what the table shows.
            header: name of each column.
            rows: cells; the first names the row.
            notes: what else the table says.
            digits: of a number after the point.
        """
        cells = [[_written(cell, digits) for cell in row] for row in rows]
        why = [replace(r, group=r.group or row[0].text) for row in cells for cell in row for r in cell.reasons]
        kept = [i for i in range(len(header)) if i == 0 or any(row[i].text not in ("", MISSING) for row in cells)]
        texts = [[row[i].text for i in kept] for row in cells]
        return cls(title, [header[i] for i in kept], texts, [*words.notes(why), *notes])


def _written(cell: Cell, digits: int) -> Noted:
    if isinstance(cell, Noted):
        return cell
    if isinstance(cell, str):
        return Noted(cell, ())
    if isinstance(cell, Change):
        return Noted(interval(cell.found, digits, sign=True), cell.found.reasons)
    if isinstance(cell, Estimate):
        return Noted(interval(cell, digits), cell.reasons)
    return Noted(number(cell, digits) if isinstance(cell, float) else size(cell), ())


def plain(text: str) -> str:
    """Return text on one line without any mark of direction."""
    return ISOLATES.sub("", clean(text))


def as_text(table: Table) -> str:
    """Align a table for a terminal."""
    lines = [list(map(plain, line)) for line in [table.header, *table.rows]]
    widths = [max(map(_columns, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    padded = ["  ".join(c + " " * (w - _columns(c)) for c, w in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([plain(table.title), *map(str.rstrip, padded), *(f"* {plain(note)}" for note in table.notes)])


def _columns(text: str) -> int:
    """Count the terminal columns of a text: two for wide characters, none for combining ones."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def as_markdown(table: Table) -> str:
    """Write a table as Markdown, its notes below."""
    lines = ["| " + " | ".join(map(markdown, row)) + " |" for row in [table.header, *table.rows]]
    lines.insert(1, "|---" * len(table.header) + "|")
    return "\n".join([*lines, *([""] if table.notes else []), *(f"- {markdown(note)}" for note in table.notes)])


def markdown(text: str) -> str:
    """Make a text safe inside Markdown: no markup, no cell or line end of its own."""
    return re.sub(r"([\\|*_`<>~]|\](?=[(\[:]))", r"\\\1", plain(text))


def as_html(table: Table, most: int = 120) -> str:
    """Write a table as HTML that scrolls sideways by itself, its first `most` rows, its notes below."""
    shown = [[escape(clean(cell)) for cell in row] for row in table.rows[:most]]
    # Numbers are the most cells, and need neither isolation nor a class: a page of many groups stays small.
    worded = [any(map(str.isalpha, "".join(column))) for column in zip(*shown, strict=True)]
    names = [escape(clean(name)) for name in table.header]
    head = "".join(
        f'<th scope="col"{" class=text" * words}>{name}</th>' for name, words in zip(names, worded, strict=True)
    )
    cells = ("<td>{}</td>", "<td class=text><bdi>{}</bdi></td>")
    body = "\n".join(
        f'<tr><th scope="row"><bdi>{row[0] or NO_NAME}</bdi></th>'
        + "".join(cells[words].format(cell) for cell, words in zip(row[1:], worded[1:], strict=True))
        + "</tr>"
        for row in shown
    )
    left = len(table.rows) - most
    notes = [*table.notes, *([f"{left:,} more rows are in the files beside this page"] if left > 0 else [])]
    told = "".join(f"<li>{escape(clean(note))}</li>" for note in notes)
    title = escape(clean(table.title))
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{title}"><table><caption>{title}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
        + (f'<ul class="notes">{told}</ul>\n' if told else "\n")
    )


def as_latex(table: Table, label: str) -> str:
    """Write a table as a LaTeX table environment with booktabs, its title and notes as caption."""
    head, *rows = (" & ".join(map(latex, row)) + r" \\" for row in [table.header, *table.rows])
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


def as_csv(table: Table) -> str:
    """Write a table as CSV without title and notes; no cell is taken for a formula, and a dash is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in [table.header, *table.rows]:
        cells = [plain(cell) if cell != MISSING else "" for cell in row]
        writer.writerow([f"'{cell}" if FORMULA.match(cell) else cell for cell in cells])
    return text.getvalue()
