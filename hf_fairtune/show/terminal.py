"""A document as plain text for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from ..document.document import Document
from ..document.gate import Gate
from .answer import answer_table, answers, compared
from .table import Table, as_text, plain
from .tables import across_table, auc_table, gap_table, gate_table, pair_table
from .view import View, views
from .words import LEGEND, size

MOST, SHOWN = 40, 4


def audit_text(document: Document) -> str:
    """Lay an audit out: counts, AUC by group, differences, thresholds, every gap with its verdict, and the gate."""
    every = views(document)
    tables = [table for view in every for table in (auc_table(view), pair_table(view, tested_only=True))]
    tables += [across_table(every), answer_table(answers(document))]
    gate = [gate_text(document.gate)] if document.gate else []
    said = [*map(plain, map(compared, every)), _to_leave_out(every), "\n".join(f"* {line}" for line in LEGEND[:SHOWN])]
    return "\n\n".join(filter(None, [*_sizes(document), *map(_short, tables), *said, *gate]))


def run_text(document: Document) -> str:
    """Lay a run's results out, the reference beside the model, and say what the comparison shows."""
    every = views(document)
    tables = [t for view in every for t in (auc_table(view), *(gap_table(view, at) for at in view.audit.thresholds))]
    return (
        "\n\n".join(filter(None, [*map(_short, tables), *map(plain, map(compared, every))])) or "Nothing was audited."
    )


def gate_text(gate: Gate) -> str:
    """Lay the rules of a gate out."""
    return as_text(gate_table(gate))


def _sizes(document: Document) -> Iterator[str]:
    for entry in document.select(document.model):
        if entry.attribute is None:
            counts = {"rows": entry.audit.n, "positives": entry.audit.positives, "clusters": entry.audit.clusters}
            yield f"{entry.target}: {', '.join(f'{size(n)} {what}' for what, n in counts.items() if n is not None)}"


def _short(table: Table) -> str:
    """Write the first rows of a table; nothing of one without rows."""
    more = [f"{len(table.rows) - MOST} more rows are in the document"] if len(table.rows) > MOST else []
    return as_text(Table(table.title, table.header, table.rows[:MOST], table.notes + more)) if table.rows else ""


def _to_leave_out(every: Sequence[View]) -> str:
    """Offer the flag that leaves out the groups without an AUC, where they make the lowest AUC undefined."""
    rows = [row for view in every if not view.audit.min_group_auc.defined for row in view.audit.groups]
    names = dict.fromkeys(row.group for row in rows if not row.auc.defined)
    return f"To leave out the groups without an AUC: --exclude {' '.join(map(shlex.quote, names))}" if names else ""
