"""Groups in words: what a reader sees names no group by the sign of its cut."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from hf_fairtune.cli.main import main
from hf_fairtune.document.data import AttributeSheet, Data, Level, Reading, SplitSheet
from hf_fairtune.document.document import Document
from hf_fairtune.document.gate import Gate, GateRow
from hf_fairtune.show.group_names import in_words
from hf_fairtune.show.reading import reading_table


def rows(n: int = 120) -> pd.DataFrame:
    frame = pd.DataFrame({"y": [0, 1] * (n // 2), "sex": ["F", "F", "M", "M"] * (n // 4)})
    frame["age"] = [20 + place % 7 * 10 for place in range(n)]
    return frame.assign(p=[0.2 + 0.6 * (place * 13 % n) / n for place in range(n)])


def test_no_reader_sees_the_sign_of_a_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows().to_csv(tmp_path / "rows.csv", index=False)
    flags = ["--label", "y", "--score", "p", "--group", "sex", "age:40,60", "--n_boot", "20", "--n_permutations", "9"]
    assert main(["audit", str(tmp_path / "rows.csv"), *flags, "--output_dir", str(tmp_path / "O")]) == 0
    text = capsys.readouterr().out
    assert "age 50 to 60: age over 40 up to 60, 34" in " ".join(text.split())
    shared = [(tmp_path / "O" / "share" / name).read_text("utf-8") for name in ("audit.html", "factors.md")]
    for said in (text, (tmp_path / "O" / "audit.html").read_text("utf-8"), *shared):
        assert "age over 60" in said
        assert not re.findall(r"(?:&lt;|<)=40|(?:&gt;|\\>|\s>)60|\(40,60\]", said)


def test_every_kind_of_cut_is_worded_alike_whether_it_occurs_in_a_split_or_not() -> None:
    readings = [Reading("age", "1 to 2", "group", 3, group) for group in ("<=40", "(40,60]", ">60")]
    readings += [Reading("age", "-1", "unknown", 2), Reading("label", "1", "positive", 4)]
    data = Data("t", "label", "binary", [], ["age:40,60"], None, "0", True, {}, readings=readings)
    found = [row[2] for row in reading_table(in_words(Document("audit", data, "m", [], [])).data).rows]
    assert found == ["age up to 40", "age over 40 up to 60", "age over 60", "unknown", "the finding"]


def test_names_of_groups_are_known_by_their_type_and_not_by_the_field() -> None:
    """A model is called like a group: as the reference of an audit it keeps its name."""
    sheet = AttributeSheet("age:60", ["age"], "cuts", [60], 0, [Level(">60", 9, False, {"label": 3})])
    data = Data(
        "t", "label", "binary", [], ["age:60"], None, "0", True, {"test": SplitSheet(9, "0", None, {}, [sheet])}
    )
    entry = Document.load(Path(__file__).parent / "audit.json").audits[0]
    gate = Gate("g.yaml", "pass", [GateRow(0, "auc", "label", "age:60", "test", "pass", group=">60", against=">60")])
    document = Document("audit", data, "m", [], [replace(entry, attribute="age:60", reference=">60")], gate=gate)
    found = in_words(document)
    assert found.audits[0].reference == ">60"
    assert found.gate is not None
    assert (found.gate.rows[0].group, found.gate.rows[0].against) == ("age over 60", "age over 60")
    assert found.data.splits["test"].attributes[0].levels[0].group == "age over 60"
