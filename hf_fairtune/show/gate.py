"""The rules of a gate as they are shown: a line a rule, and a table of every number judged."""

from dataclasses import replace
from operator import attrgetter

from ..audits.metrics.metric import homes
from ..document.estimate import Reason
from ..document.gate import Gate, GateRow, GateVerdict
from ..gate.judge import overall
from .table import Cell, Table
from .words import metric, name, number, reasons


def gate_lines(gate: Gate, digits: int = 2) -> list[tuple[GateVerdict, str]]:
    """Say of every rule in one line what it wants, its verdict, and the first number that decides it."""
    rules: dict[int, list[GateRow]] = {}
    for row in gate.rows:
        rules.setdefault(row.rule, []).append(row)
    lines: list[tuple[GateVerdict, str]] = []
    for place, rows in rules.items():
        verdict = overall(list(map(attrgetter("verdict"), rows)))
        deciding = [row for row in rows if row.verdict == verdict]
        first = deciding[0]
        found = _found(first, digits)
        # What the rule is about stands before the bound, or of several numbers behind the one that is told.
        about = rule(first).partition(" ")[2].removeprefix(first.metric).strip()
        if len(rows) > 1:
            where = " ".join(filter(None, (about, f"by {first.attribute}" if first.attribute else "")))
            about, found = "", f"{len(deciding)} of {len(rows)}, such as {found} {where or first.split}"
        what = " ".join(filter(None, (f"{place}. {first.metric}{_meaning(first)}", about, bound(first))))
        lines.append((verdict, f"{what}: {found}"))
    return lines


def _meaning(row: GateRow) -> str:
    """Write the words for a metric that has a name of its own in files."""
    return f" ({metric(row.metric).removesuffix('.')})" if row.metric in homes() else ""


def _found(row: GateRow, digits: int) -> str:
    """Write what was found, and why that keeps or breaks nothing where it does not."""
    found = number(row.found, digits) if row.found else row.comparison or ""
    why = reasons(row.reasons)
    return "; ".join(filter(None, (found, why)))


def gate_table(gate: Gate, digits: int = 3) -> Table:
    """Build the rules of a gate: a row a number or a comparison judged."""
    rows: list[list[Cell]] = []
    why: list[Reason] = []
    several = len(set(map(attrgetter("split"), gate.rows))) > 1
    for row in gate.rows:
        where = ", ".join(filter(None, (row.target, row.attribute, row.split if several else None)))
        rows.append([rule(row), where, bound(row), row.found or row.comparison, row.verdict])
        why += [replace(reason, group=reason.group or rule(row)) for reason in row.reasons]
    header = ["rule", "where", "bound", "found [interval]", "verdict"]
    return Table.of(f"Rules of {gate.file}: {gate.verdict}", header, rows, why=why, digits=digits)


def rule(row: GateRow) -> str:
    """Name what a row of a gate is about: its rule, metric, group and threshold."""
    parts = [f"{row.rule}. {row.metric}"]
    parts += [f"of {name(row.group)}"] if row.group else []
    parts += [f"{'against' if row.wanted else 'minus'} {name(row.against)}"] if row.against else []
    return " ".join([*parts, *([f"at {row.threshold}"] if row.threshold else [])])


def bound(row: GateRow) -> str:
    """Write what a row of a gate wants."""
    if row.low is None and row.high is None:
        return row.wanted or ""
    if row.low is None or row.high is None:
        return f"at most {row.high:g}" if row.low is None else f"at least {row.low:g}"
    return f"within {row.low:g} to {row.high:g}"
