"""The gate's tables and lines: a row a number, a rule in one line."""

from dataclasses import replace

from hf_fairtune.document.document import Document
from hf_fairtune.document.gate import GateRow
from hf_fairtune.show.gate import gate_lines, gate_table
from hf_fairtune.show.table import plain
from hf_fairtune.show.words import number, reasons


def test_the_gate_is_a_row_a_number(audit: Document) -> None:
    assert audit.gate is not None
    table = gate_table(audit.gate)
    assert len(table.rows) == len(audit.gate.rows)
    first, last = audit.gate.rows[0], audit.gate.rows[-1]
    assert first.found is not None
    assert table.rows[0][1:] == ["melanoma, sex", "at least 0.6", number(first.found, 3), first.verdict]
    assert table.rows[-1][2:] == [last.wanted, last.comparison, last.verdict]
    assert gate_table(audit.gate, 2).rows[0][3] == number(first.found, 2), "no digit beyond those that are shared"


def test_a_rule_in_one_line_has_its_metric_in_words_and_the_number_before_the_name(audit: Document) -> None:
    assert audit.gate is not None
    first = audit.gate.rows[0]
    many = [replace(first, metric="tpr", group=name, verdict="fail", low=0.6, high=None) for name in ("F", "M")]
    ((verdict, text),) = gate_lines(replace(audit.gate, rows=many), 2)
    found = f"{number(first.found, 2)}{'; ' + reasons(first.reasons) if first.reasons else ''}"
    assert verdict == "fail"
    said = plain(text)
    assert (
        said
        == f'{first.rule}. tpr (True positive rate) at least 0.6: 2 of 2, such as {found} of "F"{at(first)} by sex'
    )
    ((_, text),) = gate_lines(replace(audit.gate, rows=many[:1]), 2)
    assert plain(text) == f'{first.rule}. tpr (True positive rate) of "F"{at(first)} at least 0.6: {found}'


def at(row: GateRow) -> str:
    """Name the threshold of a row of a gate as its line does."""
    return f" at {row.threshold}" if row.threshold else ""
