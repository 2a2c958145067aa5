"""Columns that go with errors on terminal, page and in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from hf_fairtune.audits.audit_table import audit_table
from hf_fairtune.data.facts import audit_data
from hf_fairtune.data.scored import ScoredSpec, read_scored
from hf_fairtune.document.document import Document
from hf_fairtune.document.run import Model
from hf_fairtune.files.folder import ENRICHMENT, SHARE
from hf_fairtune.publish import publish
from hf_fairtune.show.enrichment import enrichment_sentence, enrichment_summary, enrichment_tables
from hf_fairtune.show.files import enrichment_rows, write_audit
from hf_fairtune.show.page import page
from hf_fairtune.show.table import plain
from hf_fairtune.show.terminal import audit_text
from tests.audits.test_enrichment import planted

from .conftest import edited
from .strange import crowded, renamed

pytestmark = pytest.mark.usefixtures("undrawn")


def explained(more: float = 0.25, n: int = 3000, columns: tuple[str, ...] = ("scanner", "age:q4", "site")) -> Document:
    """Audit planted rows; of site five rows are missing."""
    spec = ScoredSpec(["y"], ["p"], group=["sex", "age:60"], explain=list(columns))
    rows = read_scored(planted(n, more), spec)
    found = audit_table(rows, n_boot=20, n_permutations=20)
    return Document("audit", audit_data(rows, "table", spec), "model", [Model("model", "model")], found)


@pytest.fixture(scope="module")
def found() -> Document:
    return explained()


def test_what_stands_out_is_on_the_screen(found: Document) -> None:
    text = audit_text(found)
    lines = text.splitlines()
    assert len(lines) <= 37
    assert max(map(len, lines)) <= 100
    head = "Which columns go with errors: more errors than elsewhere in 1 of 26 comparisons, fewer in 2"
    place = lines.index(head)
    (row,) = lines[place + 3 :]
    (column,) = (own for own in found.audits[0].audit.enrichment.columns if own.name == "scanner")
    one = next(own for own in column.values if (own.value, own.mistake) == ("B", "missed"))
    ends = one.difference.value, one.difference.low, one.difference.high
    apart, low, high = (round(100 * round(end, 2)) for end in ends)
    shares = f"{round(100 * one.rate)} % {round(100 * one.others)} %"
    assert " ".join(row.split()) == f"scanner B missed {shares} {apart}, {low} to {high} <0.001"


def test_one_line_where_nothing_stands_out() -> None:
    text = audit_text(explained(0.0))
    assert text.splitlines()[-1] == "Which columns go with errors: none of 26 comparisons stands out."
    none = explained(columns=())
    assert "Which columns" not in audit_text(none) + page(none)
    assert (enrichment_sentence(none), enrichment_summary(none, 4), enrichment_rows(none)) == ("", None, "")


def test_the_page_holds_every_value_folded(found: Document) -> None:
    (table,) = enrichment_tables(found)
    assert len(table.rows) == 2 * (3 + 4 + 7)
    heads = [row[0] for row in table.rows]
    assert heads[0] == "scanner B"
    assert heads[-2:] == ["site missing"] * 2
    assert any(re.fullmatch(r"age over [\d.]+ up to [\d.]+", head) for head in heads)
    notes = plain(" ".join(table.notes))
    enrichment = found.audits[0].audit.enrichment
    assert enrichment is not None
    assert f"at {100 * enrichment.level(0.95):.4g} %, as they were selected" in notes
    assert "intervals of the others are at 95 %, not adjusted" in notes
    assert re.search(r'"site missing": (no positives|[1-5] positives of 10 needed)', notes)
    text = page(found)
    fold = text[text.index("<h2><bdi>Which columns go with errors") :].partition("</details>")[0]
    assert "more errors than elsewhere in 1 of 26 comparisons, fewer in 2" in fold
    assert fold.count("<tr>") == 1 + len(table.rows)


def test_what_is_shared_has_no_counts_and_names_what_is_withheld(found: Document, tmp_path: Path) -> None:
    shared = publish(found)
    assert plain(enrichment_sentence(shared)).endswith('fewer in 2; withheld for few cases: "site"')
    (table,) = enrichment_tables(shared)
    assert not {"of rows", "in error"} & set(table.header)
    assert not any(row[0].startswith("site") for row in table.rows)
    written = write_audit(found, tmp_path)
    assert written[-1] == tmp_path / SHARE / ENRICHMENT
    rows = list(csv.DictReader(io.StringIO(written[-1].read_text("utf-8"))))
    assert {row["column"].partition(":")[0] for row in rows} == {"scanner", "age"}
    assert {row["cases"] + row["errors"] for row in rows} == {""}
    (planted_row,) = (row for row in rows if (row["value"], row["mistake"]) == ("B", "missed"))
    one = next(own for own in shared.audits[0].audit.enrichment.columns[0].values if own.value == "B")
    assert float(planted_row["difference_low"]) == one.difference.low > 0.1
    assert float(planted_row["p_adjusted"]) == one.p_adjusted
    # An audit without columns in the same folder leaves none behind.
    write_audit(
        replace(found, audits=[replace(e, audit=replace(e.audit, enrichment=None)) for e in found.audits]), tmp_path
    )
    assert not written[-1].exists()


def test_only_withheld_columns_are_still_named() -> None:
    shared = publish(explained(columns=("site",)))
    assert 'withheld for few cases: "site"' in plain(unescape(page(shared)))
    assert enrichment_rows(shared) == ""


def test_strange_names_do_nothing(found: Document) -> None:
    def strange(content: dict) -> None:
        renamed(content)
        for column in content["audits"][0]["audit"]["enrichment"]["columns"]:
            column["column"] = "<script>\u202e" + "x" * 300
            for one in column["values"]:
                one["value"] = "=1+1|" + "w" * 300

    made = edited(found, strange)
    assert not re.search("[\u202a-\u202e]|<script>", audit_text(made).replace("<script>", "") + page(made))
    assert max(map(len, audit_text(made).splitlines())) <= 120
    assert all(row["value"].startswith("'=") for row in csv.DictReader(io.StringIO(enrichment_rows(made))))


def test_many_answers_leave_one_screen(found: Document) -> None:
    """With many targets the few rows of columns say whose they are, and give way."""
    whole = edited(found, lambda content: crowded(content, 3))
    lines = audit_text(whole).splitlines()
    assert len(lines) <= 37
    assert max(map(len, lines)) <= 100
    (row,) = (line for line in lines if line.startswith("scanner B, finding"))
    assert "missed" in row
    titles = [table.title for table in enrichment_tables(whole)]
    assert [title.partition(" at ")[0] for title in titles] == [f"Errors by column of finding {i}" for i in range(3)]
