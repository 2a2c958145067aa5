"""A table and its dresses: the same cells in all, safe from any name."""

import re

import pytest

from hf_fairtune.document.estimate import NAN, Estimate, Reason, undefined
from hf_fairtune.show.table import Table, as_html, as_latex, as_markdown, as_text, columns, latex

from .strange import HOSTILE


def test_cells_are_written_reasons_noted_and_empty_columns_left_out() -> None:
    few = undefined("m", Reason("too_few", "b", "positives", 3, 10))
    rows = [
        ["a", 1234, None, Estimate(0.5, 0.4, 0.6, "m"), Estimate(-0.1, -0.2, 0.1, "m"), 0.25],
        ["b", "<8", None, few, few, NAN],
        ["c", 3, "", undefined("m", Reason("equal_scores")), few, NAN],
    ]
    made = Table.of("t", ["group", "rows", "nothing", "AUC", "change", "share"], rows, ["more"], digits=2)
    assert made.header == ["group", "rows", "AUC", "change", "share"]
    assert made.rows[0] == ["a", "1,234", "0.50 [0.40, 0.60]", "-0.10 [-0.20, +0.10]", "0.25"]
    assert made.rows[1] == ["b", "<8", "–", "–", "–"]
    plain = [note.replace("\u2068", "").replace("\u2069", "") for note in made.notes]
    assert plain == ['"b": 3 positives of 10 needed', '"c": all scores are equal', "more"]


def test_a_table_of_nothing_has_no_rows() -> None:
    assert Table.of("t", ["group", "x"], [["a", None], ["b", NAN]]).rows == []
    assert Table.of("t", ["group", "x"], []).rows == []


TABLE = Table(
    "t | <i>", ["group", "n"], [[name, f"{place}.5"] for place, name in enumerate(HOSTILE.values())], ["50 %"]
)


def test_every_dress_holds_every_cell() -> None:
    for dress in (as_text, as_markdown, as_html):
        text = dress(TABLE)
        assert all(row[1] in text for row in TABLE.rows)
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", text)
    assert all(row[1] in as_latex(TABLE, "l") for row in TABLE.rows)


def test_markup_of_names_is_no_markup() -> None:
    assert not re.search(r"<(script|img|style|svg|b|i)\b", as_html(TABLE))
    for line in as_markdown(TABLE).splitlines()[:2] + as_markdown(TABLE).splitlines()[2:11]:
        assert len(re.findall(r"(?<!\\)\|", line)) == 3
    assert not re.search(r"(?<!\\)[*<`]", as_markdown(TABLE))


def closes(text: str) -> bool:
    """Tell whether LaTeX closes its braces and environments, and holds no letter that it reads unescaped."""
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", re.sub(r"\\\\", "", text)):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    opened, closed = re.findall(r"\\begin\{(\w+)\}", text), re.findall(r"\\end\{(\w+)\}", text)
    bare = re.search(r"(?<!\\)[#_^~%]", re.sub(r"(?m)^%.*$", "", text).replace("$<$", "").replace("$>$", ""))
    return depth == 0 and sorted(opened) == sorted(closed) and not bare


def test_latex_closes_what_it_opens() -> None:
    text = as_latex(TABLE, "tab:x")
    assert closes(text)
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert len(body) == len(TABLE.rows)
    assert all(len(re.findall(r"(?<!\\)&", line)) == 1 and line.endswith(r"\\") for line in body)
    assert not closes(text.replace(r"\%", "%"))
    assert not closes(text.replace(r"\end{tabular}", "", 1))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("50 %", r"50 \%"),
        ("a_b", r"a\_b"),
        ("\\c{x}", r"\textbackslash{}c\{x\}"),
        ("<=60", "$<$=60"),
        ("a\n\nb", "a b"),
    ],
)
def test_latex_escapes(name: str, written: str) -> None:
    assert latex(name) == written


def test_text_aligns_wide_and_combining_characters() -> None:
    lines = as_text(Table("t", ["group", "n"], [["皮膚", "1"], ["skin", "2"], ["e\u0301", "3"]])).splitlines()
    assert len({columns(line) for line in lines[1:]}) == 1


def test_a_long_table_says_what_is_left_out() -> None:
    made = as_html(Table("t", ["a", "b"], [[f"<{i}>", "0.5"] for i in range(10)]), 4)
    assert made.count("<tr>") == 5
    assert "&lt;3&gt;" in made
    assert "&lt;4&gt;" not in made
    assert "6 more rows are in the files beside this page" in made


def test_a_group_without_a_name_is_called_so() -> None:
    assert "(empty name)" in as_html(Table("t", ["a", "b"], [[" ", "x"], ["c", ""]]))
    assert as_html(Table("t", ["a", "b"], [[" ", "x"], ["c", ""]])).count("(empty name)") == 1


def test_rounded_sizes_are_numbers_to_the_eye() -> None:
    made = as_html(Table("t", ["group", "rows"], [["a", "<8"], ["b", "10"]]))
    assert "<td>&lt;8</td>" in made
