"""What the values of a table were read as: so that a reader sees what was understood in which way."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter

from ..document.data import Data, Reading, Role
from ..document.document import Document
from ..document.estimate import exact
from .table import Cell, Table
from .words import ROLES, WEIGHTED, WORTH, name, number

SHOWN = 6


def reading_table(data: Data) -> Table:
    """Build a row for every value of label and attributes: what it was read as, and in how many rows.

    Of many values of one column that were read alike, the most frequent are named.
    """
    rows: list[list[Cell]] = []
    # Of exclusive classes a value is one class; of findings it may list several.
    said: dict[Role, str] = {"findings": "class"} if data.task == "multiclass" else {}
    for (column, role), some in groupby(data.readings, attrgetter("column", "role")):
        found = list(some)
        named = found if len(found) <= SHOWN + 1 else found[:SHOWN]
        rows += [[column or "(file)", one.value or "(empty)", said.get(role, _role(one)), one.n] for one in named]
        if rest := found[len(named) :]:
            counted = None if found[0].n is None else sum(exact(one.n) for one in rest)
            rows.append([column, f"({len(rest)} other values)", said.get(role, ROLES[role]), counted])
    return Table.of("How the columns were read", ["column", "value", "read as", "rows in the table"], rows)


def weighted(document: Document) -> str:
    """Say by which column rows are weighted, and what they are worth; nothing where they are not."""
    if document.data.weight is None:
        return ""
    said = WEIGHTED.format(name(document.data.weight))
    for entry in document.select(document.model):
        if entry.attribute is None and entry.audit.effective is not None:
            return f"{said} {WORTH.format(number(entry.audit.n), number(entry.audit.effective))}"
    return said


def _role(found: Reading) -> str:
    return ROLES[found.role].format(group=found.group)
