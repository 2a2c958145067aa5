"""What is withheld is called so, and never undefined; what is left reads well."""

import csv
import io
import re
from typing import Any

import pytest

from hf_fairtune.audit_cells.suppress import suppress_audit
from hf_fairtune.page import attribute_forest, gallery
from hf_fairtune.page.answer import Answer, answers, headline
from hf_fairtune.page.csv_tables import groups_csv, thresholds_csv
from hf_fairtune.page.factors import factors
from hf_fairtune.page.gap_band import gap_band
from hf_fairtune.page.limits import audit_limits
from hf_fairtune.page.page import page
from hf_fairtune.page.tables import auc_table, ranking_table
from hf_fairtune.page.threshold_tables import operating_tables, rate_tables
from hf_fairtune.page.view import View, informative, title_of, views

from .samples import document

CELLS = {("F",): (60, 240), ("M",): (90, 250), ("X",): (3, 40), ("missing",): (9, 41)}


@pytest.fixture(scope="module")
def public() -> dict[str, Any]:
    return suppress_audit(document(cells=CELLS, attributes=1))


@pytest.fixture
def view(public: dict[str, Any]) -> View:
    return next(views(public))


def test_status_is_withheld_everywhere(public: dict[str, Any], view: View) -> None:
    gone = [row["group"] for row in view.audit["groups"] if row["auc"] is None]
    assert gone == ["X", "missing"]
    assert {row[-1] for row in auc_table(view).rows if row[0] in gone} == {"withheld"}
    assert [line.split(",")[2] for line in groups_csv(public).splitlines() if ",withheld," in line] == gone
    figure = attribute_forest.attribute_forest([view])
    assert figure is not None
    remarks = [text.get_text() for text in figure.axes[0].texts if text.get_gid() == "remark"]
    assert remarks == ["300 / 60", "340 / 90", "43 / –", "50 / –"]
    said = " ".join(audit_limits(public))
    assert "Withheld: \u2068X\u2069 (by sex); \u2068missing\u2069 (by sex)." in said
    assert "Not estimable" not in said


def test_a_withheld_answer_points_to_the_private_page(public: dict[str, Any]) -> None:
    (one,) = answers(public)
    assert "Who is served worst is not told here" in one.paragraphs[0]
    assert "the private page, which stays at home, tells it" in one.paragraphs[0]


def test_what_is_withheld_is_not_said_to_be_unknown(public: dict[str, Any]) -> None:
    found = answers(public)
    assert [(one.kind, one.verdict) for one in found] == [("untold", "not told here")]
    assert headline(found).startswith("Whether groups are served unequally is not told here")
    assert "cannot be said" not in page(public)
    kinds = ("open", "untold", "untold")
    assert "Of 3 gaps between groups looked at, 1 is told here; of these, none" in headline(_answers(*kinds))
    assert "looked at, 2 are told here and 1 can be judged; of" in headline(_answers("open", "unknown", "untold"))
    assert "cannot be said from these rows" in headline(_answers("unknown", "unknown"))


def _answers(*kinds: str) -> list[Answer]:
    return [Answer("by sex", kind, []) for kind in kinds]


def test_no_interval_is_said_to_be_withheld_where_there_may_be_none() -> None:
    """A lowest AUC is told without its interval, as that would tell whether a withheld group has cases enough."""
    made = document(cells={("A",): (200, 400), ("B",): (60, 150), ("C",): (14, 36), ("D",): (5, 80)}, attributes=1)
    made["audits"][0]["audit"]["min_group_auc"]["group"] = "A"
    made["audits"][0]["audit"]["auc_gap"] |= {"best": "C", "worst": "A"}
    (one,) = answers(suppress_audit(made))
    assert "(no interval is told here), in the group" in one.paragraphs[0]
    assert one.paragraphs[1].startswith("How far the groups lie apart is not told here")
    made["audits"][0]["audit"]["auc_gap"]["best"] = "B"
    public = suppress_audit(made)
    (one,) = answers(public)
    assert one.kind == "untold"
    assert "What chance alone would make of this gap is not told here" in one.paragraphs[1]
    gap = public["audits"][0]["audit"]["auc_gap"]
    assert gap["value"] is not None
    assert {gap[key] for key in ("null_mean", "null_high", "excess", "p")} == {None}
    assert gap_band(list(views(public))) is None


def test_a_ranking_among_withheld_groups_is_one_line(view: View) -> None:
    table = ranking_table(view)
    assert table is not None
    assert table.rows == [["every group", "withheld"]]
    assert "a withheld group is among those ranked" in table.notes[0]


def test_a_withheld_threshold_is_one_line_with_a_reason() -> None:
    made = suppress_audit(document(cells={("F",): (15, 15), ("M",): (300, 350)}, attributes=1))
    (view,) = views(made)
    cut = view.audit["thresholds"][1]
    assert {row[rate]["value"] for row in cut["groups"] for rate in ("tpr", "fpr")} == {None}
    title = f"by sex at {title_of(cut)}"
    (table,) = [table for table in rate_tables(view) if title in table.title]
    assert table.rows[0][:2] == ["every group", "withheld"]
    assert {len(row) for row in table.rows} == {len(table.header)}
    assert table.notes[0].startswith("sensitivity of every group; FPR of every group; share flagged of every group")


def test_operating_points_are_told_without_their_cuts(view: View) -> None:
    for table in operating_tables(view):
        assert "cut" not in table.header
        assert {len(row) for row in table.rows} == {len(table.header)}
    assert "cut" in operating_tables(next(views(document(attributes=1))))[0].header


def test_a_threshold_whose_rates_are_told_is_drawn() -> None:
    blank, told = ({"tpr": {"value": v}, "fpr": {"value": v}} for v in (None, 0.5))
    cuts = [
        {"degenerate": None, "by_group": None, "fitted_on": "validation", "groups": [blank]},
        {"degenerate": False, "by_group": None, "fitted_on": None, "groups": [told]},
    ]
    assert informative({"thresholds": cuts}) is cuts[1]
    assert informative({"thresholds": cuts[:1]}) is cuts[0]


def test_groups_without_a_curve_are_named() -> None:
    made = suppress_audit(document(cells={("F",): (15, 15), ("M",): (300, 350)}, attributes=1))
    (view,) = views(made)
    assert "No ROC curve is told of: \u2068F\u2069 (by sex)" in " ".join(audit_limits(made))
    assert "Every point of it" not in " ".join(audit_limits(made))
    (roc,) = [one for one in gallery.details(view) if one.name == "roc"]
    assert "1 of 2 groups" in roc.alt
    assert "single patients" not in roc.reading


def test_no_share_on_the_page_or_in_the_table_is_of_1_to_10_patients(
    public: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hf_fairtune.page.page.FIGURES", 1)
    exact = document(cells=CELLS, attributes=1)
    for made, leaks in ((public, False), (exact, True)):
        shares = re.findall(r"\b([\d,]+) / ([\d,]+)\b", page(made) + factors(made))
        rows = csv.DictReader(io.StringIO(thresholds_csv(made)))
        shares += [(row["numerator"], row["denominator"]) for row in rows if row["numerator"]]
        counts = [tuple(int(text.replace(",", "")) for text in share) for share in shares]
        assert len(counts) > 10
        assert any(part in range(1, 11) or whole - part in range(1, 11) for part, whole in counts) == leaks


def test_a_withheld_change_is_called_so() -> None:
    (view,) = views(suppress_audit(document(cells=CELLS, attributes=1, extras=("reference",))))
    (picture,) = [one for one in gallery.details(view) if one.name == "changes"]
    texts = [text.get_text() for axes in picture.figure.axes for text in axes.texts]
    assert "withheld" in texts
    assert "undefined" not in texts
