"""Terminal text: the same tables and sentences, without a mark of direction, short of many rows."""

import re

from hf_fairtune.document.document import Document
from hf_fairtune.show.answer import compared
from hf_fairtune.show.table import as_text, plain
from hf_fairtune.show.tables import auc_table, gap_table, gate_table
from hf_fairtune.show.terminal import audit_text, run_text
from hf_fairtune.show.view import views

from .conftest import edited
from .strange import many_groups, renamed, undefined


def test_an_audit_is_laid_out(audit: Document) -> None:
    text = audit_text(audit)
    assert text.startswith("melanoma: 440 rows, 159 positives, ")
    for view in views(audit):
        assert as_text(auc_table(view)) in text
        assert plain(compared(view)) in text
    assert audit.gate is not None
    assert text.endswith(as_text(gate_table(audit.gate)))
    assert "Every gap between groups" in text
    assert "--exclude 'not stated' 'F & not stated' 'M & not stated'" in text


def test_a_run_is_laid_out_with_what_it_shows(search: Document, repair: Document) -> None:
    for document in (search, repair):
        text, (view,) = run_text(document), views(document)
        for table in (auc_table(view), gap_table(view, 0), gap_table(view, 1)):
            assert as_text(table) in text
        assert text.endswith(plain(compared(view)))
    assert run_text(edited(search, lambda content: content.update(audits=[]))) == "Nothing was audited."


def test_many_rows_are_cut_and_strange_names_do_nothing(audit: Document) -> None:
    text = audit_text(edited(audit, lambda content: many_groups(content, "sex", 30)))
    assert "24 more rows are in the document" in text
    for made in (edited(audit, renamed), edited(audit, undefined)):
        text = audit_text(made)
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", text)
        assert not {"None", "nan"} & set(re.findall(r"\w+", text))
