"""Text and tables as HTML that any name is safe in."""

from __future__ import annotations

import re
import unicodedata

from markupsafe import Markup

from ..report.layout import Table, one_line

# What turns the direction of text: inside a name it would turn the page around it.
TURNS = re.compile("[\u202a-\u202e\u2066\u2067\u200e\u200f\u061c]")
ISOLATES = re.compile("[\u2068\u2069]")


def clean(text: str) -> str:
    """Return a name on one line, without controls and anything that would turn or end the direction around it."""
    return encodable(ISOLATES.sub("", text))


def encodable(text: str) -> str:
    """Return text on one line; isolates stay, controls and halves of characters, which HTML has not, are replaced."""
    plain = TURNS.sub("", one_line(text))
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cs") else c for c in plain)


def isolated(text: str, most: int = 120) -> str:
    """Return a name for the middle of a sentence: shortened, and isolated from the direction of its neighbours."""
    name = clean(text)
    short = name if len(name) <= most else name[: most - 1] + "…"
    return f"\u2068{short or '(empty name)'}\u2069"


def html_table(table: Table, most: int) -> Markup:
    """Write a table as HTML that scrolls sideways by itself, its first `most` rows, its notes below.

    Args:
        table: cells as text; the first column names its row.
        most: rows to write; what is left out is said.
    """
    shown = [[clean(cell) for cell in row] for row in table.rows[:most]]
    worded = [any(map(_has_letter, column)) for column in zip(*shown, strict=True)]
    head = Markup("").join(map(_head, table.header, worded))
    body = Markup("\n").join(_row(row, worded) for row in shown)
    left = len(table.rows) - most
    notes = [
        *map(clean, table.notes),
        *([f"{left:,} more rows are in the files beside this page"] if left > 0 else []),
    ]
    told = Markup("").join(Markup("<li>{}</li>").format(note) for note in notes)
    return Markup(
        '<div class="scroll" role="region" tabindex="0" aria-label="{title}"><table><caption>{title}</caption>'
        "<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>{notes}\n"
    ).format(
        title=clean(table.title),
        head=head,
        body=body,
        notes=Markup('<ul class="notes">{}</ul>').format(told) if told else "",
    )


def _head(name: str, worded: bool) -> Markup:
    return Markup('<th scope="col"{}>{}</th>').format(Markup(' class="text"') if worded else "", clean(name))


def _row(row: list[str], worded: list[bool]) -> Markup:
    cells = [Markup('<th scope="row"><bdi>{}</bdi></th>').format(row[0] or "(empty name)")]
    cells += [_cell(text, words) for text, words in zip(row[1:], worded[1:], strict=True)]
    return Markup("<tr>{}</tr>").format(Markup("").join(cells))


def _cell(text: str, words: bool) -> Markup:
    # Numbers are the most cells and need no isolation: a page of many groups stays small.
    return Markup('<td class="text"><bdi>{}</bdi></td>' if words else "<td>{}</td>").format(text)


def _has_letter(text: str) -> bool:
    return any(c.isalpha() for c in text)
