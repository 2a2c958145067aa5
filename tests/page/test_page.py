"""The page of an audit: one file that loads nothing, safe from any name, small."""

from html.parser import HTMLParser
from typing import Any

import pytest

from hf_fairtune.page import data_sheet
from hf_fairtune.page import tables as audit_tables
from hf_fairtune.page import threshold_tables as audit_threshold_tables
from hf_fairtune.page.limits import audit_limits
from hf_fairtune.page.markup import html_table
from hf_fairtune.page.page import page
from hf_fairtune.page.view import views
from hf_fairtune.report.layout import Table, estimate

from .samples import document
from .strange import HOSTILE, crowded, renamed, undefined, withheld

VOID = {"meta", "link", "img"}
ALL = ("clusters", "reference", "gate", "by group")


class Reader(HTMLParser):
    """Tags with their attributes, and the visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, Any]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def whole() -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hf_fairtune.page.page.FIGURES", 250_000)
        return page(document(attributes=2, small=True, extras=ALL))


@pytest.fixture(scope="module")
def strange() -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hf_fairtune.page.page.FIGURES", 150_000)
        return page(renamed(document(attributes=3, small=True, extras=("reference",)), HOSTILE))


@pytest.mark.parametrize("name", ["whole", "strange"])
def test_page_is_closed_and_loads_nothing(name: str, request: pytest.FixtureRequest) -> None:
    text: str = request.getfixturevalue(name)
    read = Reader(text)
    assert read.open == []
    tags = {tag for tag, _ in read.tags}
    assert not tags & {"script", "iframe", "object", "embed", "base", "svg", "form", "b", "video", "audio"}
    assert all(image["alt"] and image["src"].startswith("data:image/png;base64,") for image in read.all("img"))
    assert {link["href"] for link in read.all("link")} == {"data:,"}
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert {a["href"][1:] for a in read.all("a")} <= set(ids)
    assert len(set(ids)) == len(ids)
    assert not [key for _, attributes in read.tags for key in attributes if key.startswith("on") or key == "style"]
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in text
    assert read.all("html")[0]["lang"] == "en"
    assert len(text.encode()) < 2_000_000


def test_headings_are_in_order(whole: str) -> None:
    levels = [int(tag[1]) for tag, _ in Reader(whole).tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))


def test_hostile_names_are_shown_and_do_nothing(strange: str) -> None:
    shown = "".join(Reader(strange).text)
    assert "<script>alert('F')</script>" in shown
    assert '"><img src=https://example.org/x.png onerror=alert(1)>' in shown
    assert "{{ 7 * 7 }}" in shown
    assert "w" * 200 in shown
    assert "a\ufffdb\ufffdc d" in shown
    assert "\u202e" not in strange
    assert "<svg" not in strange


def test_nothing_undefined_is_printed_as_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_fairtune.page.page.FIGURES", 1)
    made = document("multilabel", 2, small=True, extras=("reference",))
    for strange in (withheld(made), undefined(made), withheld(undefined(made))):
        shown = " ".join(Reader(page(strange)).text).split()
        assert not {"None", "nan", "NaN", "null", "inf"} & {word.strip("().,;:[]") for word in shown}


def test_withheld_counts_are_dashes_that_are_explained() -> None:
    made = withheld(document(attributes=1))
    (table,) = data_sheet.data_sheets(made)
    assert table.rows == [["F", "–", "–"], ["M", "–", "–"], ["all rows", "–", "–"]]
    assert data_sheet.COUNT_NOTE in table.notes
    (view,) = views(made)
    assert data_sheet.COUNT_NOTE in audit_tables.auc_table(view).notes
    assert data_sheet.COUNT_NOTE not in audit_tables.auc_table(next(views(document(attributes=1)))).notes


def test_page_of_very_many_audits_is_small_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_fairtune.page.page.FIGURES", 30_000)
    text = page(crowded(document("multilabel", 3, small=True), 14))
    assert 1_700_000 < len(text.encode()) < 1_900_000
    shown = "".join(Reader(text).text)
    assert "Figures are drawn for the first audits only" in shown
    assert "tables found no place on this page" in shown
    assert "more answers stand in the table" in shown


def test_long_table_says_what_is_left_out() -> None:
    made = html_table(Table("t", ["a", "b"], [[f"<{i}>", "0.5"] for i in range(10)]), 4)
    assert made.count("<tr>") == 5
    assert "&lt;3&gt;" in made
    assert "&lt;4&gt;" not in made
    assert "6 more rows are in the files beside this page" in made


def test_rates_stand_with_their_numerators_and_denominators() -> None:
    (view,) = views(document(attributes=1, extras=("by group",)))
    shared, more, _, own, *_ = audit_threshold_tables.rate_tables(view)
    row = view.audit["thresholds"][0]["groups"][0]
    assert shared.rows[0][:2] == ["F", f"{row['true_positives']} / {row['positives']}"]
    assert shared.rows[0][3] == f"{row['false_positives']} / {row['negatives']}"
    assert shared.rows[-1][0] == "all rows"
    assert own.rows[0][1] == "0.222"
    assert more.header == ["group", "positive predictive value"]
    assert more.rows[-1][1] == estimate(view.audit["thresholds"][0]["overall"]["rates"]["ppv"])


def test_pairs_give_the_p_of_the_whole_family() -> None:
    (view,) = views(document(attributes=1))
    view.document["pairs"][0]["p_adjusted"] = 0.4321
    assert view.audit["pairs"][0]["p_adjusted"] != 0.4321
    assert audit_tables.pair_table(view).rows[0][3] == "0.432"


def test_equal_reasons_are_told_once() -> None:
    items = {f"g{i}": {"reason": "no positives"} for i in range(9)} | {"h": {"reason": None}, "i": {"reason": "odd"}}
    assert audit_tables.reasons(items) == ["g0; g1; g2; g3; g4; g5 and 3 more: no positives", "i: odd"]


def test_every_table_is_rectangular() -> None:
    for view in views(document("multiclass", 2, small=True, extras=ALL)):
        tables = [audit_tables.auc_table(view), audit_tables.pair_table(view), *audit_tables.change_tables(view)]
        tables += [*audit_threshold_tables.rate_tables(view), *audit_threshold_tables.operating_tables(view)]
        some = (audit_threshold_tables.calibration_table, audit_tables.cross_table, audit_tables.ranking_table)
        for table in [*tables, *(make(view) for make in some)]:
            assert table is not None
            assert table.rows
            assert {len(row) for row in table.rows} == {len(table.header)}


def test_limits_name_the_small_groups_and_the_excluded() -> None:
    made = document(attributes=1, small=True)
    made["options"]["exclude"] = ["not stated"]
    said = " ".join(audit_limits(made))
    assert "Not estimable: \u2068not stated\u2069 (by sex)" in said
    assert "on request: \u2068not stated\u2069" in said


def test_same_document_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_fairtune.page.page.FIGURES", 60_000)
    assert page(document(attributes=1)) == page(document(attributes=1))
