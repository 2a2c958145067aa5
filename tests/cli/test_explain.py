"""`fairtune audit --explain`: which columns go with errors, of a table of predictions."""

from pathlib import Path

import pandas as pd
import pytest

from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document
from tests.audits.test_enrichment import planted

pytestmark = pytest.mark.usefixtures("undrawn")

FLAGS = ["--label", "y", "--score", "p", "--group", "sex", "--n_boot", "20", "--n_permutations", "20"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    planted().to_csv(tmp_path / "preds.csv", index=False)
    return tmp_path / "preds.csv"


def test_a_planted_column_is_said(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = table.parent / "O"
    flags = ["--explain", "scanner", "age:q4", "--explain", "site", "--cluster", "patient"]
    assert main(["audit", str(table), *FLAGS, *flags, "--output_dir", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) <= 40
    assert "more errors than elsewhere in 1 of 26 comparisons" in printed
    assert "scanner B  missed" in printed
    found = Document.load(folder)
    assert found.arguments["explain"] == ["scanner", "age:q4", "site"]
    enrichment = found.audits[0].audit.enrichment
    assert enrichment is not None
    frame = planted()
    missed = (frame.p < 0.5)[frame.y == 1].groupby(frame.scanner).agg(["sum", "size"])
    column = enrichment.columns[0]
    counts = {one.value: [one.errors, one.cases] for one in column.values if one.mistake == "missed"}
    assert counts == {name: row.tolist() for name, row in missed.iterrows()}
    shared = pd.read_csv(folder / "share" / "enrichment.csv")
    assert set(shared.column.str.partition(":")[0]) == {"scanner", "age"}, "of site few rows are missing"
    # The same audit without the flag leaves nothing of it.
    assert main(["audit", str(table), *FLAGS, "--output_dir", str(folder)]) == 0
    assert not (folder / "share" / "enrichment.csv").exists()
    assert "Which columns" not in capsys.readouterr().out


def test_a_code_for_an_unknown_value_is_a_value(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = planted()
    frame.loc[::10, "age"] = -1
    frame.to_csv(table, index=False)
    folder = table.parent / "O"
    assert main(["audit", str(table), *FLAGS, "--explain", "age:60", "--output_dir", str(folder)]) == 0
    enrichment = Document.load(folder).audits[0].audit.enrichment
    assert enrichment is not None
    assert [one.value for one in enrichment.columns[0].values][::2] == ["<=60", ">60", "unknown"]
    assert "age -1: unknown, 200" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--explain", "scaner"], "--explain scaner names no column of the data (did you mean `scanner`?)"),
        (["--explain", "p"], "`p` is --score and --explain"),
        (["--explain", "age"], "more than 20 groups; give cuts such as --explain age:"),
        (["--explain", "age:q1"], "--explain age:q1 asks for 1 parts"),
        (["--explain", "sex:q2"], "--explain sex:q2: the column has 0 numbers; leave out :q2"),
    ],
)
def test_bad_input_is_one_line(table: Path, capsys: pytest.CaptureFixture[str], flags: list[str], line: str) -> None:
    assert main(["audit", str(table), *FLAGS, *flags]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
