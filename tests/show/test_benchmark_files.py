"""The files of a benchmark: all there, inert under hostile names, no network, whole numbers in the CSV."""

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hf_fairtune.audits.benchmarks import benchmark_of
from hf_fairtune.audits.scored_methods import ScoredTask
from hf_fairtune.document.benchmark import Benchmark, Protocol, PublishedNumber
from hf_fairtune.publish_benchmark import publish_benchmark
from hf_fairtune.show.benchmark_files import benchmark_csv, write_benchmark
from hf_fairtune.show.benchmark_page import benchmark_text, lead
from tests.benchmark_samples import task_of
from tests.show.strange import HOSTILE

NAMES = list(HOSTILE.values())
TAGS = {"script", "svg", "base", "iframe", "b"}


class Tags(HTMLParser):
    """Collect tags, sources and whether all that opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.counts, self.sources, self.open = Counter[str](), list[str](), list[str]()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.counts[tag] += 1
        self.sources += [str(value) for key, value in attributes if key in ("src", "href") or key.startswith("on")]
        if tag not in ("meta", "link", "img", "br", "base"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def hostile() -> list[ScoredTask]:
    """Make tasks whose names of all kinds are markup, formulas and commands."""
    rng, tasks = np.random.default_rng(0), []
    for place in range(2):
        task = task_of(rng, f"x-{place}", 40)
        methods = []
        for one, name in zip(task.methods, NAMES, strict=False):
            facts = replace(one.facts, name=name, title=NAMES[1], hyperparameters={NAMES[2]: NAMES[0]})
            searches = [replace(search, objective=NAMES[5]) for search in one.searches]
            methods.append(replace(one, name=name, facts=facts, searches=searches))
        words: dict[str, Any] = {"dataset": NAMES[5], "attribute": NAMES[8], "model": NAMES[6], "positive": NAMES[7]}
        tasks.append(replace(task, name=f"{NAMES[place]} {place}", group_names=NAMES[2:4], methods=methods, **words))
    return tasks


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    protocol = Protocol("", name=NAMES[0], differences=[NAMES[5]], arguments={NAMES[1]: NAMES[2]})
    published = [PublishedNumber(f"{NAMES[0]} 0", NAMES[1], "auc", 0.9, 0.01, NAMES[5])]
    benchmark = benchmark_of(hostile(), NAMES[0], protocol=protocol, published=published)
    folder = tmp_path_factory.mktemp("benchmark")
    (folder / "share" / "figures").mkdir(parents=True)
    (folder / "share" / "figures" / "old.png").write_bytes(b"")
    paths = write_benchmark(benchmark, folder)
    assert {*paths} == {path for path in folder.rglob("*") if path.is_file()}
    return folder


def test_all_files_are_there_and_old_figures_are_gone(written: Path) -> None:
    names = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    share = {f"share/{name}" for name in ("README.md", "compare.html", "benchmark.csv", "benchmark.tex")}
    assert share | {"benchmark.json", "compare.html"} <= names
    drawn = {Path(name).stem for name in names if name.endswith(".png")}
    numbers = ("auc", "min_group_auc", "auc_gap")
    assert {f"ranks_{one}" for one in numbers} <= drawn
    assert {
        "differences_1",
        "differences_2",
        "front_min_group_auc",
        "front_auc_gap",
        "searches",
        "masks_1",
        "masks_2",
    } <= drawn
    assert "old" not in drawn
    assert Benchmark.load(written).shared is False


@pytest.mark.parametrize("place", ["compare.html", "share/compare.html"])
def test_the_page_is_inert_and_loads_nothing(written: Path, place: str) -> None:
    text, tags = (written / place).read_text(encoding="utf-8"), Tags()
    tags.feed(text)
    assert tags.open == []
    assert not tags.counts.keys() & TAGS
    assert all(source.startswith("data:") for source in tags.sources)
    assert "default-src 'none'" in text
    # Tables are markup, not text: all tasks, ranks of three, fronts, six more of each task, published.
    assert tags.counts["table"] == 1 + 2 + 3 + 1 + 2 * 6 + 1
    assert "&lt;table" not in text
    assert tags.counts["img"] == len([*(written / "share" / "figures").iterdir()])
    assert len(text.encode()) < 2_000_000
    assert "&lt;script&gt;" in text
    assert "{{ 7 * 7 }}" in text


def test_markdown_latex_and_csv_are_inert(written: Path) -> None:
    card = (written / "share" / "README.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<(script|img|svg|style|base|b)", card)
    for path in re.findall(r"\]\((figures/[^)]*)\)", card):
        assert (written / "share" / path).is_file()
    # What Markdown reads as the rows of a table have the cells of its head.
    width = 0
    for line in card.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line))
        width = cells if line.startswith("|") and width == 0 else width if line.startswith("|") else 0
        assert cells in (0, width)
    latex = (written / "share" / "benchmark.tex").read_text(encoding="utf-8")
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") == latex.count(r"\toprule")
    assert "$_{x}" not in latex
    rows = list(csv.reader(io.StringIO((written / "share" / "benchmark.csv").read_text(encoding="utf-8"))))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not [cell for row in rows for cell in row if re.match(r"[=+@\t]", cell)]


def test_the_csv_has_the_numbers_of_the_document() -> None:
    benchmark = benchmark_of([task_of(np.random.default_rng(1), positives=50)], "full")
    rows = list(csv.DictReader(io.StringIO(benchmark_csv(publish_benchmark(benchmark)))))
    own = [row for row in rows if row["method"] == "fairtune" and row["number"] == "auc" and not row["group"]]
    found = benchmark.tasks[0].methods[1]
    assert [float(row["value"]) for row in own] == [
        round(value, 2) for value in (found.auc.mean.value, *found.auc.runs)
    ]
    assert [row["training"] for row in own] == ["", "0", "1", "2"]
    assert float(own[0]["low"]) == round(found.auc.mean.low, 2)
    assert {row["number"] for row in rows} >= {"change_auc", "brier", "equalized_odds_difference"}


def test_the_terminal_says_who_is_better_and_hides_control_characters() -> None:
    strange = benchmark_of(hostile(), NAMES[0])
    text = benchmark_text(strange)
    assert "\x00" not in text
    assert "\u202e" not in text
    found = benchmark_of([task_of(np.random.default_rng(6), positives=200, noise=0.02)], "full")
    assert lead(found).startswith('Of 1 task, better than "')
    assert "levelling down against" in lead(found)
