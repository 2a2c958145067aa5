"""What an audit leaves to be published: tidy tables, LaTeX that closes what it opens, sections of a card."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from hf_fairtune.audit_cells.blank import WITHHELD
from hf_fairtune.audit_cells.suppress import suppress_audit
from hf_fairtune.audit_document import AuditDocument
from hf_fairtune.errors import FairTuneError
from hf_fairtune.page.csv_tables import groups_csv, thresholds_csv
from hf_fairtune.page.factors import factors
from hf_fairtune.page.files import WRITERS, write_audit
from hf_fairtune.page.latex import audit_tex, latex

from .samples import document

HOSTILE = '=1+1 & 50 % of $_{x}^2 \\ ~ # <script> [40,60) | "q"\n\\end{table}'


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def renamed(made: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """Call a group otherwise, wherever it is named."""
    return json.loads(json.dumps(made).replace(json.dumps(old), json.dumps(new)))  # type: ignore[no-any-return]


def test_groups_are_the_documents_rows() -> None:
    made = document(task="multilabel", small=True)
    found = rows_of(groups_csv(made))
    assert len(found) == len(made["groups"]) + 3
    told = {(row["target"], row["attribute"], row["group"]): row for row in found}
    for row in made["groups"]:
        cells = told[row["target"], row["attribute"], row["group"]]
        assert cells["positives"] == str(row["positives"])
        assert cells["auc"] == ("" if row["auc"] is None else str(row["auc"]))
    (pair,) = [p for p in made["pairs"] if (p["target"], p["attribute"], p["group"]) == ("edema", "sex", "F")]
    assert told["edema", "sex", "F"]["auc_difference"] == str(pair["auc_difference"]["value"])
    assert told["edema", "sex", "F"]["p_adjusted"] == str(pair["p_adjusted"])
    assert told["edema", "", "all rows"]["n"] == "1200"


def test_rates_follow_from_their_counts() -> None:
    found = rows_of(thresholds_csv(document(extras=("by group",))))
    counted = [row for row in found if row["numerator"]]
    assert {row["measure"] for row in counted} == {"tpr", "fpr", "selection_rate"}
    for row in counted:
        assert float(row["value"]) == pytest.approx(int(row["numerator"]) / int(row["denominator"]))
    across = {row["measure"] for row in found if not row["group"]}
    assert {"equalized_odds_difference", "demographic_parity_ratio", "tpr_difference"} <= across
    assert {row["cut"] for row in found if row["policy"] != "fixed" and row["group"] == "F"} == {"0.221748"}


def test_names_are_no_formulas_and_no_markup() -> None:
    made = renamed(document(), "F", HOSTILE)
    assert any(row["group"].startswith("'=1+1") for row in rows_of(groups_csv(made)))
    assert "-1" in {row["group"] for row in rows_of(groups_csv(renamed(document(), "F", "-1")))}
    text = factors(made)
    assert "<script>" not in text.replace("\\<script\\>", "")
    for line in text.splitlines():
        assert not line.lstrip().startswith("\\end")


def closes(text: str) -> bool:
    """Tell whether LaTeX closes its braces, environments and mathematics, and holds no letter bare that it reads."""
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", re.sub(r"\\\\", "", text)):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    opened, closed = re.findall(r"\\begin\{(\w+)\}", text), re.findall(r"\\end\{(\w+)\}", text)
    bare = re.search(r"(?<!\\)[#_^~%]", re.sub(r"(?m)^%.*$", "", text).replace("$<$", "").replace("$>$", ""))
    return depth == 0 and sorted(opened) == sorted(closed) and not bare


def test_latex_closes_what_it_opens() -> None:
    text = audit_tex(renamed(document(extras=("by group",), small=True), "F", HOSTILE))
    assert closes(text)
    tables = re.findall(r"\\begin\{tabular\}\{(l(r+))\}(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert len(tables) == 3
    for columns, _, body in tables:
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(columns) - 1}
        assert not any(row.startswith(("[", "*")) for row in rows)
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 3
    assert "0.870 {[}0.770, 0.971{]}" in text
    assert not closes(text.replace(r"\%", "%"))
    assert not closes(text.replace(r"\end{tabular}", "", 1))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("50 %", r"50 \%"),
        ("a_b", r"a\_b"),
        ("\\cmd{x}", r"\textbackslash{}cmd\{x\}"),
        ("<=60", "$<$=60"),
        ("a\n\nb", "a b"),
    ],
)
def test_latex_escapes(name: str, written: str) -> None:
    assert latex(name) == written


def test_sections_of_a_card_stand_in_order() -> None:
    made = document(task="multiclass", extras=("clusters",))
    text = factors(made)
    heads = re.findall(r"(?m)^##+ (.*)$", text)
    assert heads == [
        *("Factors", "Metrics", "Quantitative Analyses"),
        *("Unitary results", "Intersectional results", "Caveats"),
    ]
    unitary, joint = text.split("### Unitary results")[1].split("### Intersectional results")
    assert "AUC melanoma found, by sex**" in unitary
    assert "sex & age:60" not in unitary
    assert "AUC melanoma found, by sex & age:60**" in joint
    assert "No intersection" in factors(document(attributes=1))


def test_what_is_written_is_suppressed(tmp_path: Path) -> None:
    made = document(small=True, extras=("clusters", "reference", "gate"))
    written = write_audit(AuditDocument(**made), tmp_path / "new" / "folder")
    assert [path.name for path in written] == list(WRITERS)
    assert WITHHELD in written[1].read_text()
    missing = [row for row in rows_of(written[1].read_text()) if row["group"] == "missing"]
    assert [(row["n"], row["positives"], row["auc"]) for row in missing] == [("18", "", "")]
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert "5 positives" not in text
        assert str(tmp_path) not in text
    assert (tmp_path / "new" / "folder" / "groups.csv").read_text() == groups_csv(suppress_audit(made))
    (tmp_path / "file").write_text("")
    with pytest.raises(FairTuneError, match="cannot be made .*; choose another --output_dir"):
        write_audit(made, tmp_path / "file" / "x")
