"""Names from data stay names: through the terminal, error lines, spreadsheets, Markdown, YAML, LaTeX and figures."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from hf_fairtune.audits.benchmarks import benchmark_of
from hf_fairtune.cli.main import main
from hf_fairtune.document.benchmark import Protocol
from hf_fairtune.document.document import Document
from hf_fairtune.errors import FairTuneError, listed
from hf_fairtune.publish_benchmark import publish_benchmark
from hf_fairtune.show import figures
from hf_fairtune.show.benchmark_files import benchmark_csv, benchmark_latex
from hf_fairtune.show.benchmark_page import benchmark_markdown, benchmark_page, benchmark_text
from hf_fairtune.show.files import csv_cell, group_rows, spreadsheet
from hf_fairtune.show.table import latex, markdown
from hf_fairtune.show.terminal import audit_text
from hf_fairtune.show.view import views
from scripts import hostile_names

from .conftest import card, edited
from .strange import renamed
from .test_benchmark_files import hostile as hostile_tasks
from .test_table import closes

NAMES = {
    "F": "\x1b[31mred\x1b[0m \x1b]8;;https://example.org\x1b\\click\x1b]8;;\x1b\\",
    "M": "# Heading\r\n===\r\n## Two",
    "I-II": "＝1+1",
    "III-IV": "@SUM(1)\t|cmd",
    "V-VI": "$\\frac{1}{0}$ $$x$$ \\input{/etc/passwd}",
    "not stated": "---\ntitle: x\u2028license: mit",
    "melanoma": "![x](http://example.org/x.png) <iframe>\x9b1m\u202e\u2067",
    "sex": "../../etc/\x00passwd",
}
# What moves a cursor, colours, links, or turns text around.
MOVES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066\u2067\u200e\u200f\u061c]")
FORMULA = re.compile(r"[=+@|＝＋－＠\t\r-]")  # noqa: RUF001


@pytest.fixture(scope="module")
def hostile(audit: Document) -> Document:
    return edited(audit, lambda content: renamed(content, NAMES))


def test_the_terminal_shows_no_escapes(hostile: Document) -> None:
    text = audit_text(hostile)
    assert not MOVES.search(text)
    assert "\ufffd[31mred" in text


def test_an_error_line_shows_no_escapes_and_no_secret() -> None:
    for name in NAMES.values():
        line = str(FairTuneError(f"no group {name}; the groups are {listed([name])}"))
        assert not MOVES.search(line)
        assert "\n" not in line
    token = "hf_" + "a" * 34
    assert str(FairTuneError(f"refused {token} at https://ann:word@example.org/x")) == (
        "refused hf_... at https://...@example.org/x"
    )


def test_no_cell_is_a_formula(hostile: Document) -> None:
    cells = [cell for row in csv.reader(io.StringIO(group_rows(hostile))) for cell in row]
    assert any(cell == "'＝1+1" for cell in cells)
    for cell in cells:
        assert not FORMULA.match(cell) or re.fullmatch(r"-[\d.]+(e-\d+)?", cell)
    for number in ("-1", "-0.5", "-1e-05", "+", "-", "", "0.5"):
        assert csv_cell(number) == number
    for text in ("=1", "+1+2", "-1+2", "-2-cmd", "@x", "|x", "＋1", "－1", "＠x", "\t=1", "\r=1"):  # noqa: RUF001
        assert csv_cell(text).startswith("'")


def test_predictions_keep_all_but_formulas(tmp_path: Path) -> None:
    names = [*NAMES.values(), "+", "plain", "a,b"]
    frame = pd.DataFrame({"=name": names, "score": np.linspace(-1, 1, len(names))})
    (tmp_path / "p.csv").write_text(spreadsheet(frame), newline="")
    back = pd.read_csv(tmp_path / "p.csv", lineterminator="\n")
    assert list(back.columns) == ["'=name", "score"]
    assert np.array_equal(back["score"], frame["score"])
    changed = [name for name, read in zip(names, back["'=name"], strict=True) if read == f"'{name}"]
    assert changed == ["＝1+1", "@SUM(1)\t|cmd", "---\ntitle: x\u2028license: mit"]


def heads(text: str) -> int:
    """Count what Markdown takes for headings, rules, and front matter."""
    return len(re.findall(r"(?m)^\s*([-*] |\d+\. )?(#{1,6}(\s|$)|---+$|===+$)", text))


def test_a_card_has_its_own_headings_alone(search: Document, repair: Document) -> None:
    for document, own in ((search, ("dark", "light", "malignant", "lesions", "skin")), (repair, ("dark", "light"))):
        names = dict(zip(own, [NAMES[key] for key in ("M", "not stated", "V-VI", "F", "melanoma")], strict=False))
        text, before = card(edited(document, lambda content, n=names: renamed(content, n))), card(document)
        assert heads(text) == heads(before)
        assert not MOVES.search(text)
        assert not re.search(r"(?<!\\)\$", text.split("---\n", 2)[2])
        front = yaml.safe_load(text.split("---\n")[1])
        assert front.keys() == yaml.safe_load(before.split("---\n")[1]).keys()
        assert "mit" not in str(front.get("license", ""))


@pytest.mark.parametrize("name", ["# x", "#", "## x", "---", "- x", "+ x", "=", "1. x", "2) x", "===", "#\tx"])
def test_no_name_begins_a_block(name: str) -> None:
    assert re.match(r"\d*\\", markdown(name))
    assert markdown(name).replace("\\", "") == " ".join(name.split())


@pytest.mark.parametrize("name", ["https://a.b/c", "http://a.b", "WWW.a.b", "R&amp;D", "&#60;"])
def test_no_name_is_a_link_or_an_entity(name: str) -> None:
    """GitHub links plain addresses of the web, unless what makes them one is escaped."""
    assert re.search(r"\\(://|\.a|&)", markdown(name))
    assert markdown(name).replace("\\", "") == name


@pytest.mark.parametrize("name", ["-0.12", "#1", "+0.5", "1.5", "12", "<8", "a # b", "-inf", "a & b", "ann@a.b"])
def test_what_begins_none_stays(name: str) -> None:
    assert markdown(name).replace("\\<", "<") == name


def test_the_page_of_hostile_names_shows_them_so() -> None:
    """`python scripts/hostile_names.py --page scripts/hostile_names.md` writes it; of a path it has the last name."""
    page = Path(hostile_names.__file__).with_suffix(".md").read_text("utf-8")
    for name in hostile_names.NAMES.values():
        assert "/etc" in name or hostile_names.code(f"| {markdown(name)} |").removesuffix("</code>") in page


def test_latex_runs_no_command(hostile: Document) -> None:
    assert "\\input" not in latex(NAMES["V-VI"])
    assert closes(latex(NAMES["V-VI"]))


def test_figures_take_names_for_text(hostile: Document) -> None:
    picture = figures.forest(views(hostile))
    assert picture is not None
    picture.figure.canvas.draw()
    texts = [label.get_text() for axes in picture.figure.axes for label in axes.get_yticklabels()]
    assert not [text for text in texts if re.search(r"(?<!\\)\$", text)]


@pytest.mark.usefixtures("undrawn")
def test_an_audit_of_hostile_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the command, from a table to every file: nothing leaves the folder, and no name does anything."""
    draw, names = np.random.default_rng(0), [*NAMES.values()]
    labels = draw.integers(0, 2, 800)
    group, finding = NAMES["sex"].replace("\x00", ""), "![x](http://example.org/x.png)"
    frame: Any = pd.DataFrame(
        {"y": np.where(labels, finding, "ok"), "p": draw.random(800), group: draw.choice(names, 800)}
    )
    frame.to_json(tmp_path / "rows.json", orient="records")
    out = tmp_path / "out"
    flags = ["--label", "y", "--positive", finding, "--score", "p", "--group", group, "--output_dir", str(out)]
    assert main(["audit", str(tmp_path / "rows.json"), *flags, "--n_boot", "50", "--n_permutations", "50"]) == 0
    printed = capsys.readouterr()
    assert not MOVES.search(printed.out.replace("\n", " "))
    assert not MOVES.search("".join(line for line in printed.err.splitlines() if line.startswith("note:")))
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"rows.json", "out/audit.json", "out/audit.html", "out/manifest.json"} | {
        f"out/share/{name}" for name in ("audit.html", "groups.csv", "thresholds.csv", "audit.tex", "factors.md")
    }
    for path in (out / "share").iterdir():
        text = path.read_text("utf-8")
        assert not MOVES.search(text), path
        assert path.suffix != ".md" or not re.search(r"(?<!\\)\]\(http|(?<!\\)<iframe", text)
    assert main(["audit", str(tmp_path / "rows.json"), *flags, "--exclude", "\x1b[31mnone"]) == 2
    assert not MOVES.search(capsys.readouterr().err.replace("\n", " "))


def test_a_benchmark_of_hostile_names(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [*NAMES.values(), "attribute"]
    monkeypatch.setattr("tests.show.test_benchmark_files.NAMES", names)
    protocol = Protocol("", name=names[0], differences=[names[5]], arguments={names[1]: names[2]})
    found = publish_benchmark(benchmark_of(hostile_tasks(), names[0], protocol=protocol))
    texts = {
        "terminal": benchmark_text(found),
        "csv": benchmark_csv(found),
        "markdown": benchmark_markdown(found, []),
        "latex": benchmark_latex(found),
        "html": benchmark_page(found, []),
    }
    for kind, text in texts.items():
        assert not MOVES.search(text), kind
        assert "31mred" in text, kind
    rows = [cell for row in csv.reader(io.StringIO(texts["csv"])) for cell in row]
    assert not [cell for cell in rows if FORMULA.match(cell) and not re.fullmatch(r"-[\d.]+(e-\d+)?", cell)]
    assert "\\input" not in texts["latex"].replace(r"\textbackslash{}", "")
    assert not re.search(r"(?<!\\)\$", texts["markdown"])
    assert not re.search(r"(?m)^(# Heading|## Two)", texts["markdown"])
    assert not re.search(r"<(iframe|img[^>]*http)", texts["html"])
