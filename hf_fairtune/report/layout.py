"""A table, and its two dresses: aligned text for a terminal, Markdown for a card."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Table:
    """Cells as text, left column first; `notes` explain what a cell has no room for."""

    title: str
    header: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


def number(value: float | None, digits: int = 3) -> str:
    """Write a number, or a dash where it is undefined; never a negative zero."""
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """Write `0.812 [0.764, 0.851]`, without the bracket where there is no interval."""
    if value is None or low is None or high is None:
        return number(value)
    return f"{number(value)} [{number(low)}, {number(high)}]"


def estimate(item: dict[str, Any]) -> str:
    """Write an estimate of the record."""
    return interval(item["value"], item["low"], item["high"])


def one_line(text: str) -> str:
    """Replace every run of white space, line ends included, by one space."""
    return " ".join(text.split())


def as_text(table: Table) -> str:
    """Align a table for a terminal."""
    lines = [[one_line(cell) for cell in line] for line in [table.header, *table.rows]]
    widths = [max(map(columns, column)) for column in zip(*lines, strict=True)]
    padded = ["  ".join(_pad(cell, width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    rule = "  ".join("-" * width for width in widths)
    drawn = [table.title, padded[0], rule, *padded[1:], *(f"* {one_line(note)}" for note in table.notes)]
    return "\n".join(line.rstrip() for line in drawn)


def columns(text: str) -> int:
    """Count the terminal columns a text takes: two for wide characters, none for combining ones."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def _pad(cell: str, width: int) -> str:
    return cell + " " * (width - columns(cell))


def as_markdown(table: Table) -> str:
    """Write a table as a Markdown table with its notes below."""
    head = "| " + " | ".join(map(escape, table.header)) + " |"
    rule = "|---" * len(table.header) + "|"
    body = ["| " + " | ".join(map(escape, row)) + " |" for row in table.rows]
    notes = ["", *(f"- {escape(note)}" for note in table.notes)] if table.notes else []
    return "\n".join([head, rule, *body, *notes])


def escape(text: str) -> str:
    """Make a text safe inside Markdown: no markup, no cell or line end of its own."""
    return re.sub(r"([\\|*_`<>~]|\](?=[(\[:]))", r"\\\1", one_line(text))
