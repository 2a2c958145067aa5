"""A document as plain text for a terminal."""

import shlex

from ..document.document import Document
from .answer import answer_table, answers, compared
from .reading import reading_table
from .table import Table, as_text, plain
from .tables import across_table, auc_table, gap_table, gate_table, pair_table
from .view import views
from .words import LEGEND, number

MOST, SHOWN = 40, 4


def audit_text(document: Document) -> str:
    """Lay an audit out: counts, AUC by group, differences, thresholds, every gap with its verdict, and the gate."""
    every, tables, blocks, unknown = views(document), [], [], dict[str, None]()
    for entry in document.select(document.model):
        if entry.attribute is None:
            audit = entry.audit
            clusters = "" if audit.clusters is None else f", {number(audit.clusters)} clusters"
            blocks.append(f"{entry.target}: {number(audit.n)} rows, {number(audit.positives)} positives{clusters}")
    for view in every:
        tables += [auc_table(view), pair_table(view, tested_only=True)]
        for row in view.audit.groups:
            if not view.audit.min_group_auc.defined and not row.auc.defined:
                unknown[row.group] = None
    blocks.append(_short(reading_table(document.data)))
    blocks += map(_short, [*tables, across_table(every), answer_table(answers(document))])
    blocks += map(plain, map(compared, every))
    if unknown:
        blocks.append(f"To leave out the groups without an AUC: --exclude {' '.join(map(shlex.quote, unknown))}")
    blocks.append("\n".join(map("* {}".format, LEGEND[:SHOWN])))
    blocks += [as_text(gate_table(document.gate))] if document.gate else []
    return "\n\n".join(filter(None, blocks))


def run_text(document: Document) -> str:
    """Lay a run's results out, the reference beside the model, and say what the comparison shows."""
    every, tables = views(document), list[Table]()
    for view in every:
        tables += [auc_table(view), *(gap_table(view, place) for place in range(len(view.audit.thresholds)))]
    blocks = [*map(_short, [reading_table(document.data), *tables]), *map(plain, map(compared, every))]
    return "\n\n".join(filter(None, blocks)) or "Nothing was audited."


def _short(table: Table) -> str:
    """Write the first rows of a table; nothing of one without rows."""
    more = [f"{len(table.rows) - MOST} more rows are in the document"] if len(table.rows) > MOST else []
    return as_text(Table(table.title, table.header, table.rows[:MOST], table.notes + more)) if table.rows else ""
