"""The page of an audit: one file that loads nothing, safe from any name, small."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from hf_fairtune.document.document import Document, Sharing
from hf_fairtune.publish import publish
from hf_fairtune.show import page as module
from hf_fairtune.show.page import facts, page
from hf_fairtune.show.words import SHARING

from .conftest import edited
from .strange import crowded, many_groups, renamed, undefined

VOID = {"meta", "link", "img"}


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


@pytest.fixture
def few_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIGURES", 1)


@pytest.fixture(scope="module")
def whole(audit: Document) -> str:
    return page(audit)


@pytest.fixture(scope="module")
def strange(audit: Document) -> str:
    return page(edited(audit, renamed))


@pytest.mark.parametrize("name", ["whole", "strange"])
def test_page_is_closed_and_loads_nothing(name: str, request: pytest.FixtureRequest) -> None:
    text: str = request.getfixturevalue(name)
    read = Reader(text)
    assert read.open == []
    tags = {tag for tag, _ in read.tags}
    assert not tags & {"script", "iframe", "object", "embed", "base", "svg", "form", "b", "video", "audio"}
    images = read.all("img")
    assert len(images) > 6
    assert all(image["alt"] and image["src"].startswith("data:image/png;base64,") for image in images)
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


class Visible(Reader):
    """The text that shows before anything is unfolded."""

    def handle_data(self, data: str) -> None:
        if "details" not in self.open or "summary" in self.open:
            super().handle_data(data)


@pytest.mark.parametrize("shared", [None, "rates"])
def test_the_first_screen_has_few_words_and_no_table(
    audit: Document, shared: Sharing | None, few_figures: None
) -> None:
    text = page(audit if shared is None else publish(audit))
    seen = Visible(text)
    assert 150 < len("".join(seen.text).split()) <= 900
    assert len("".join(Reader(text).text).split()) > 2000, "what is folded is there"
    first = text[: text.index("<details>")]
    assert "<table>" not in first
    assert "No group is clearly served worst" in first
    assert first.index(f"The rules of {audit.gate.file}") < first.index("clearly served") if audit.gate else False


def test_what_is_folded_opens_by_its_place(whole: str) -> None:
    read = Reader(whole)
    assert {"data", "rules", "overview", "audit-1", "limits", "methods"} <= {
        attributes["id"] for _, attributes in read.tags if "id" in attributes
    }
    assert len(read.all("details")) == len(read.all("summary")) >= 7


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
    assert "a\ufffdb d" in shown
    assert "\u202e" not in strange
    assert "<svg" not in strange


@pytest.mark.parametrize("shared", SHARING)
def test_the_bar_says_for_whom_the_page_is(audit: Document, shared: Sharing | None, few_figures: None) -> None:
    bar = Reader(page(replace(audit, shared=shared)).split('<p class="bar')[1].split("</p>")[0])
    text = "".join(bar.text)
    assert SHARING[shared] in text
    assert ("for your own use" in text) == (shared is None)


def test_the_page_of_a_run_shows_both_models(search: Document) -> None:
    shown = "".join(Reader(page(search)).text)
    for title in ("FairTune", "Full fine-tuning"):
        assert f"AUC, {title}" in shown
    assert "FairTune against Full fine-tuning, by skin, on test, these two checkpoints: better for" in shown.replace(
        "\u2068", ""
    )


def test_nothing_undefined_is_printed_as_a_word(audit: Document, few_figures: None) -> None:
    shown = " ".join(Reader(page(edited(audit, undefined))).text).split()
    assert not {"None", "nan", "NaN", "null", "inf"} & {word.strip("().,;:[]") for word in shown}
    assert "unknown" in shown


def test_what_has_most_to_say_comes_first(audit: Document, few_figures: None) -> None:
    def tested(content: dict[str, Any]) -> None:
        gap = content["audits"][1]["audit"]["auc_gap"]
        for entry, p in zip(content["audits"][1:], (0.4, None, 0.001), strict=True):
            entry["audit"]["auc_gap"] = gap | {"p": p}

    kinds = re.findall(r'<div class="answer (\w+)">', page(edited(audit, tested)))
    assert kinds == ["unequal", "open", "unknown"]


def test_page_of_very_many_audits_is_small_and_says_so(audit: Document, few_figures: None) -> None:
    text = page(edited(audit, lambda content: crowded(content, 40)))
    assert 700_000 < len(text.encode()) < 1_900_000
    shown = "".join(Reader(text).text)
    assert "Figures are drawn for the first audits only" in shown
    assert "tables found no place on this page" in shown
    assert "more answers stand in the table" in shown


def test_page_of_two_hundred_groups_is_small(audit: Document) -> None:
    text = page(edited(audit, lambda content: many_groups(content, "sex", 100)))
    assert len(text.encode()) < 2_000_000
    assert "more rows are in the files beside this page" in text


def test_same_document_same_bytes(audit: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIGURES", 60_000)
    assert page(audit) == page(audit)


def test_facts_and_methods_are_the_documents(audit: Document, few_figures: None) -> None:
    (sheet,) = audit.data.splits.values()
    found = facts(audit)
    assert (found["rows"], found["cases: melanoma found"]) == (str(sheet.n), str(sheet.positives["melanoma"]))
    shown = "".join(Reader(page(audit)).text)
    assert f"hash of the rows, test{sheet.hash}" in shown
    assert "p adjustedholm, over all pairs" in shown
    assert "--groupsex skin\n" in shown
    assert f"version of numpy{audit.provenance.versions['numpy']}\n" in shown
