"""Table files with marks, separators, encodings and broken lines; each cell is what was written."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fairtune.data.columns import as_levels
from hf_fairtune.data.scored import ScoredSpec, read_scored
from hf_fairtune.data.table_file import is_table, read_table
from hf_fairtune.errors import FairTuneError

TEXT = 'y,p,sex\n0,0.25,F\n1,0.5,"M"\n1,0.125,F\n'


def written(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", TEXT),
        ("t.CSV", "\ufeff" + TEXT),
        ("t.csv", TEXT.replace("\n", "\r\n")),
        ("t.csv", TEXT.replace("\n", "\r")),
        ("t.csv", TEXT.replace(",", ";")),
        ("t.csv", TEXT.replace(",", "\t")),
        ("t.csv", TEXT.replace(",", "|")),
        ("t.tsv", TEXT.replace(",", "\t")),
        ("t.tsv", TEXT),
        ("t.csv", TEXT.replace(",", ", ")),
        ("t.csv", TEXT.replace("F", "F,").replace('"M"', '"M",')),
        ("t.csv", "\n\n" + TEXT + "\n\n"),
        ("t.csv", TEXT.replace("y,p", '"y","p"')),
    ],
)
def test_spellings_of_one_table(name: str, content: str, tmp_path: Path) -> None:
    frame = read_table(written(tmp_path, content, name)).frame
    assert frame.to_dict("list") == {"y": [0, 1, 1], "p": [0.25, 0.5, 0.125], "sex": ["F", "M", "F"]}


def test_parquet_with_an_index_of_its_own(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": [0, 1], "p": [0.1, 0.2], "ids": [[1], [2, 3]]}, index=pd.Index(["a", "b"], name="sex"))
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").frame["sex"].tolist() == ["a", "b"]
    with pytest.raises(FairTuneError, match="`ids` has lists as cells"):
        read_scored(read_table(tmp_path / "t.parquet").frame, ScoredSpec(["y"], ["p"], group=["ids"]))


def test_scores_are_read_to_the_last_digit(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random(2000)
    path = written(tmp_path, "p\n" + "\n".join(map(repr, values.tolist())))
    np.testing.assert_array_equal(read_table(path).frame["p"], values)


def test_names_that_are_not_ascii(tmp_path: Path) -> None:
    text = "diagnose,wahrscheinlichkeit,geschlecht ♀\n" + "0,0.1,männlich\n1,0.2,女\n" * 3
    spec = ScoredSpec(["diagnose"], ["wahrscheinlichkeit"], group=["geschlecht ♀"])
    found = read_scored(read_table(written(tmp_path, text)).frame, spec)
    assert found.attributes[0].names == ["männlich", "女"]


def test_types_are_those_of_whole_columns(tmp_path: Path) -> None:
    """A text in the last of many rows does not split a level into 1 and 1.0."""
    rows = ["y,p,stage", *(f"{i % 2},0.{i % 10},{i % 3}.0" for i in range(300_000)), "1,0.5,IV"]
    path = written(tmp_path, "\n".join(rows))
    found = read_scored(read_table(path).frame, ScoredSpec(["y"], ["p"], group=["stage"]))
    assert len(found.attributes[0].names) == 4


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("t.csv", "", "is empty; give a table with names"),
        ("t.csv", "\n \n", "is empty"),
        ("t.csv", "y,p,sex\n", "has no rows"),
        ("t.csv", "y,p\n0,0.1,F\n1,0.2,M\n", "rows with more cells than its first line has names .y, p."),
        ("t.csv", "y,p\n0,0.1,F\n1,0.2\n", "rows with more cells than its first line has names"),
        ("t.csv", '"y\nz",p\n0,0.1\n', "is no list of names"),
        ("t.csv", "y,p\n0,0.1\n1,0.2,M\n", "could not be read .*line 3"),
        ("t.csv", 'y,p\n0,"0.1\n', "could not be read"),
        ("t.csv", TEXT.encode("utf-16"), "is no text"),
        ("t.csv", b"y,p\n\x81,0.1\n", "is no text in UTF-8 or Windows-1252"),
        ("t.csv", b"y,p\0\0\n0,1\n", "is no text"),
        ("t.parquet", TEXT, "could not be read"),
        ("t.parquet", b"", "could not be read"),
        ("t.xlsx", b"PK", "could not be read"),
        ("t.ods", b"PK", "is no .csv"),
    ],
)
def test_refuses(name: str, content: str | bytes, line: str, tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match=line) as refusal:
        read_table(written(tmp_path, content, name))
    assert "\n" not in str(refusal.value)


def test_refuses_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FairTuneError, match=r"folder.csv` is no file"):
        read_table(tmp_path / "folder.csv")
    with pytest.raises(FairTuneError, match=r"nowhere.csv` does not exist"):
        read_table(tmp_path / "nowhere.csv")


def test_tables_and_models_are_distinguished() -> None:
    assert all(is_table(name) for name in ("a.csv", "b/c.TSV", "d.parquet"))
    assert not any(is_table(name) for name in ("google/vit-base-patch16-224", "model", "csv", "a.csv/"[:-4]))


CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(width=32), st.sampled_from(["", " a", "1", "1.0"])
)


def level(value: object) -> str | None:
    """What a cell says, one at a time."""
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() or None


@given(st.lists(CELLS, min_size=1, max_size=30), st.sampled_from([None, "float64", "float32", "category", "string"]))
def test_levels_are_those_of_every_cell(cells: list[object], kind: str | None) -> None:
    column = pd.Series(cells, dtype=object)
    if kind in ("float64", "float32"):
        column = column[[isinstance(cell, float) for cell in cells]].astype(kind)
    elif kind == "category":
        column = column[[isinstance(cell, str) for cell in cells]].astype(kind)
    elif kind == "string":
        column = column.map(lambda cell: cell if cell is None else str(cell)).astype(kind)
    assert as_levels(column).tolist() == [level(None if pd.isna(cell) else cell) for cell in column]


def test_windows_1252_is_read_and_said(tmp_path: Path) -> None:
    found = read_table(written(tmp_path, "sexe,âge\nF,60\n".encode("cp1252")))
    assert list(found.frame.columns) == ["sexe", "âge"]
    assert [(one.role, one.value) for one in found.readings] == [("encoding", "cp1252")]


@pytest.mark.parametrize(
    "suffix", [".csv", ".tsv", ".csv.gz", ".tsv.gz", ".json", ".jsonl", ".xlsx", ".parquet", ".feather"]
)
def test_every_kind_of_file_gives_the_same_table(suffix: str, tmp_path: Path) -> None:
    """Words, numbers, blanks and `NA` come back alike, whoever wrote them."""
    frame = pd.DataFrame({"id": ["007", "8", "9"], "site": ["NA", "A", None], "p": [0.25, 0.5, None], "y": [0, 1, 1]})
    path = tmp_path / f"t{suffix}"
    plain = suffix.removesuffix(".gz")
    if plain in (".csv", ".tsv"):
        frame.to_csv(path, index=False, sep="," if plain == ".csv" else "\t")
    elif suffix == ".xlsx":
        frame.to_excel(path, index=False)
    elif suffix == ".parquet":
        frame.to_parquet(path)
    elif suffix == ".feather":
        frame.to_feather(path)
    else:
        frame.to_json(path, orient="records", lines=plain == ".jsonl")
    found = read_table(path).frame
    assert found["site"].isna().tolist() == [False, False, True]
    assert found["site"].tolist()[:2] == ["NA", "A"]
    assert found["p"].tolist()[:2] == [0.25, 0.5]
    assert as_levels(found["y"]).tolist() == ["0", "1", "1"]


def test_of_a_workbook_the_first_sheet_is_read_and_said(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        pd.DataFrame({"y": [0, 1]}).to_excel(book, sheet_name="test", index=False)
        pd.DataFrame({"z": [5]}).to_excel(book, sheet_name="notes", index=False)
    found = read_table(tmp_path / "t.xlsx")
    assert found.frame["y"].tolist() == [0, 1]
    assert [(one.role, one.value, one.n) for one in found.readings] == [("first_sheet", "test", 2)]


def test_blanks_at_the_ends_of_names_go_and_it_is_said(tmp_path: Path) -> None:
    pd.DataFrame({" y ": [0, 1], "p": [0.1, 0.2]}).to_parquet(tmp_path / "t.parquet")
    found = read_table(tmp_path / "t.parquet")
    assert list(found.frame.columns) == ["y", "p"]
    assert [(one.role, one.column) for one in found.readings] == [("trimmed_name", "y")]
