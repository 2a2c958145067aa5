"""What an audit leaves: the exact page at home, and in share/ what was published, for others to read."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.errors import FairTuneError
from hf_fairtune.files.folder import AUDIT
from hf_fairtune.publish import publish
from hf_fairtune.show import files, page
from hf_fairtune.show.files import csv_cell, factors, group_rows, paper_table, threshold_rows, write_audit
from hf_fairtune.show.table import as_latex
from hf_fairtune.show.view import views
from hf_fairtune.show.words import number

from .conftest import edited
from .strange import HOSTILE, many_groups, renamed
from .test_table import closes


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_what_is_shared_is_what_was_published(
    audit: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "FIGURES", 1)
    monkeypatch.setattr(files, "publish", lambda document, sharing: replace(document, shared=sharing))
    place = tmp_path / "new" / "folder"
    written = write_audit(audit, place, "auc")
    names = [path.relative_to(place).as_posix() for path in written]
    assert names == ["audit.json", "audit.html", *(f"share/{name}" for name in AUDIT)]
    assert Document.load(place) == audit
    assert "for your own use" in written[1].read_text("utf-8")
    assert "AUCs and verdicts only" in (place / "share" / "audit.html").read_text("utf-8")
    assert (place / "share" / "groups.csv").read_text("utf-8") == group_rows(replace(audit, shared="auc"))
    assert not any(str(tmp_path) in path.read_text("utf-8") for path in written)
    (tmp_path / "file").write_text("")
    with pytest.raises(FairTuneError, match="cannot be made .*; choose another --output_dir"):
        write_audit(audit, tmp_path / "file" / "x")


def test_groups_are_the_documents_rows(audit: Document) -> None:
    found = {(row["attribute"], row["group"]): row for row in rows_of(group_rows(audit))}
    assert len(found) == sum(len(entry.audit.groups) for entry in audit.audits)
    for view in views(audit):
        pairs = {pair.group: pair for pair in view.audit.pairs}
        for row in view.audit.groups:
            cells = found[view.attribute, row.group]
            assert cells["positives"] == str(row.positives)
            assert cells["auc"] == (f"{row.auc.value:.6g}" if row.auc.defined else "")
            assert cells["auc_low"] == (f"{row.auc.low:.6g}" if row.auc.bounded else "")
            assert cells["average_precision"] == (
                f"{row.measures['average_precision'].value:.6g}" if row.measures["average_precision"].defined else ""
            )
            pair = pairs.get(row.group)
            assert cells["reference"] == (pair.reference if pair else "")
            assert cells["p"] == ("" if pair is None or pair.p != pair.p else f"{pair.p:.6g}")
    assert "no positives" in found["skin", "not stated"]["reason"]


def test_thresholds_are_the_documents_rows(audit: Document) -> None:
    def own(content: dict) -> None:
        for entry in content["audits"]:
            at = entry["audit"]["thresholds"][1]
            at |= {"value": None, "by_group": {row["group"]: 0.25 for row in at["groups"]}}

    found = rows_of(threshold_rows(edited(audit, own)))
    at = views(audit)[0].audit.thresholds[0]
    told = {
        (row["group"], row["measure"]): row for row in found if (row["attribute"], row["policy"]) == ("sex", at.policy)
    }
    for row in at.groups:
        assert told[row.group, "tpr"]["value"] == f"{row.rates['tpr'].value:.6g}"
        assert told[row.group, "tpr"]["cut"] == "0.5"
    for key, item in at.gaps.items():
        assert told["", key]["low"] == (f"{item.low:.6g}" if item.bounded else "")
    assert {row["cut"] for row in found if row["fitted_on"] and row["group"] == "F"} == {"0.25"}
    assert {row["cut"] for row in found if row["fitted_on"] and not row["group"]} == {""}
    assert {row["group"] for row in found if not row["attribute"]} == {"all rows"}


def test_flagging_all_stands_beside_what_a_cut_stands_for(audit: Document) -> None:
    def gained(content: dict) -> None:
        for entry in content["audits"]:
            for row in entry["audit"]["thresholds"][0]["groups"]:
                row["rates"]["net_benefit"] = {"value": 0.1, "low": 0.0, "high": 0.2, "method": "m"}

    made = edited(audit, gained)
    for document in (made, publish(made)):
        found = {
            row["group"]: row
            for row in rows_of(threshold_rows(document))
            if (row["attribute"], row["measure"], row["cut"]) == ("sex", "net_benefit", "0.5")
        }
        for row in views(document)[0].audit.groups:
            assert found[row.group]["value"] == "0.1"
            # At a cut of 0.5 a false alarm weighs like a patient found.
            assert float(found[row.group]["flagging_all"]) == pytest.approx(2 * row.prevalence - 1, abs=1e-5)


def test_names_are_no_formulas_and_no_markup(audit: Document) -> None:
    made = edited(audit, renamed)
    for text in (group_rows(made), threshold_rows(made)):
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", text)
        assert all(None not in row and None not in row.values() for row in rows_of(text))
        assert any(row["group"].startswith("'=1+1") for row in rows_of(text))
    cells = [csv_cell(name) for name in HOSTILE.values()]
    assert [cell[:2] for cell in cells if cell.startswith("'")] == ["'="]
    assert csv_cell("-1") == "-1"
    text = factors(made)
    assert not re.search(r"(?<!\\)<(script|img|style)", text)
    assert not any(line.lstrip().startswith("\\end") for line in text.splitlines())


def test_a_table_for_a_paper_closes_and_holds_the_numbers(audit: Document) -> None:
    for made in (audit, edited(audit, renamed)):
        for view in views(made):
            assert closes(as_latex(paper_table(view), "tab:x"))
    view = views(audit)[0]
    table = paper_table(view)
    row, pair = view.audit.groups[0], view.audit.pairs[0]
    assert table.rows[0][:4] == [row.group, number(row.n), number(row.positives), number(row.auc, 3)]
    assert table.rows[0][4] == number(pair.auc_difference, 3, sign=True)
    assert table.rows[-1][0] == "all rows"
    assert f"difference of AUC from {pair.reference}" in table.title


def test_sections_of_a_card_stand_in_order(audit: Document) -> None:
    text = factors(audit)
    heads = re.findall(r"(?m)^##+ (.*)$", text)
    assert heads == [
        *("Factors", "Metrics", "Quantitative Analyses", "Unitary results", "Intersectional results", "Caveats")
    ]
    unitary, joint = text.split("### Unitary results")[1].split("### Intersectional results")
    assert "**AUC by sex [" in unitary
    assert "sex & skin" not in unitary
    assert "**AUC by sex & skin [" in joint

    def alone(content: dict) -> None:
        content["audits"] = content["audits"][:2]

    assert "No intersection" in factors(edited(audit, alone))


def test_very_many_groups_are_written(audit: Document, tmp_path: Path) -> None:
    many = edited(audit, lambda content: many_groups(content, "sex", 3))
    write_audit(many, tmp_path)
    groups = [row["group"] for row in rows_of((tmp_path / "share" / "groups.csv").read_text("utf-8"))]
    assert {"F", "F 1", "M 2"} <= set(groups)
