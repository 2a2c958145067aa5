"""Thousands of tables of predictions: read right to the last row, or refused in one line; never anything else."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.metrics import roc_auc_score

from hf_fairtune.audits.audit import audit
from hf_fairtune.cli.main import main
from hf_fairtune.data.scored import ScoredSpec, read_scored
from hf_fairtune.data.scored_table import ScoredTable
from hf_fairtune.data.table_file import read_table
from hf_fairtune.document.document import Document
from hf_fairtune.errors import FairTuneError
from tests.data.malformed import FATAL, HARMLESS, good

ENDINGS = {"t.csv": ",", "s.csv": ";", "t.tsv": "\t", "t.parquet": None}


def write(frame: pd.DataFrame, path: Path, separator: str | None) -> None:
    if separator is None:
        mixed = [name for name in frame.columns if frame[name].dtype == object]
        frame.astype(dict.fromkeys(mixed, "string")).to_parquet(path)
    else:
        frame.to_csv(path, sep=separator, index=False, encoding="utf-8-sig" if len(frame) % 2 else "utf-8")


def read(path: Path) -> ScoredTable:
    flags = {"label": ["y"], "score": ["p"], "group": ["sex", "age:60"], "cluster": "patient"}
    return read_scored(read_table(path).frame, ScoredSpec(**flags))  # type: ignore[arg-type]


def levels(frame: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """The group of every row by each attribute, a cell at a time."""
    sex = ["missing" if pd.isna(v) or not str(v).strip() else str(v).strip() for v in frame["sex"]]
    age = ["missing" if pd.isna(v) else "<=60" if float(v) <= 60 else ">60" for v in frame["age"]]
    yield from (
        ("sex", sex),
        ("age:60", age),
        ("sex & age:60", [" & ".join(pair) for pair in zip(sex, age, strict=True)]),
    )


def check(frame: pd.DataFrame, found: ScoredTable) -> None:
    """Hold every row that was read against the plain frame."""
    assert found.labels[:, 0].tolist() == [int(float(v)) for v in frame["y"]]
    assert found.scores[:, 0].tolist() == [float(v) for v in frame["p"]]
    for part, (name, groups) in zip(found.attributes, levels(frame), strict=True):
        assert part.name == name
        assert [part.names[i] for i in part.values] == groups
    assert found.clusters is not None
    assert found.clusters.tolist() == [str(v).removesuffix(".0") for v in frame["patient"]]


def check_aucs(frame: pd.DataFrame, found: ScoredTable) -> None:
    """Hold the AUC of every group of an attribute against scikit-learn on the plain frame."""
    at = len(frame) % 3
    groups = list(levels(frame))[at][1]
    plain = pd.DataFrame({"y": frame["y"].astype(float), "p": frame["p"].astype(float)}).assign(g=groups)
    part = found.attributes[at]
    rows = audit(found.labels[:, 0], found.scores[:, 0], part.values, part.names, n_boot=0).groups
    assert {row.group for row in rows} == set(groups)
    for row in rows:
        own = plain[plain["g"] == row.group]
        expected = roc_auc_score(own["y"], own["p"]) if own["y"].nunique() == 2 else np.nan
        assert row.auc.value == pytest.approx(expected, nan_ok=True)


def odd(draw: np.random.Generator) -> pd.DataFrame:
    """A table with up to three oddities, of columns of their own."""
    frame, touched = good(draw), set()
    for name in draw.choice(list(HARMLESS), int(draw.integers(4)), replace=False):
        if HARMLESS[name].column not in touched:
            touched.add(HARMLESS[name].column)
            frame = HARMLESS[name].apply(frame, draw)
    return frame


@pytest.mark.parametrize("ending", ENDINGS)
def test_odd_but_right(ending: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(len(ending))
    with config_context(skip_parameter_validation=True):
        for at in range(100):
            frame = odd(draw)
            write(frame, tmp_path / ending, ENDINGS[ending])
            found = read(tmp_path / ending)
            check(frame, found)
            if at % 8 == 0:
                check_aucs(frame, found)


@pytest.mark.parametrize("ending", ENDINGS)
def test_flawed(ending: str, tmp_path: Path) -> None:
    """One flaw, whatever else is odd about the table, and it is refused in one line that says what to do."""
    draw = np.random.default_rng(len(ending))
    for at in range(10 * len(FATAL)):
        flaw = list(FATAL)[at % len(FATAL)]
        frame = FATAL[flaw].apply(good(draw), draw)
        if ending == "t.parquet" and not frame.columns.is_unique:
            continue
        write(frame, tmp_path / ending, ENDINGS[ending])
        with pytest.raises(FairTuneError) as refusal:
            read(tmp_path / ending)
        assert "\n" not in str(refusal.value), flaw
        assert any(mark in str(refusal.value) for mark in "`-"), flaw


@pytest.mark.parametrize("flawed", [False, True])
def test_the_command(
    flawed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way: 0 and the AUC of scikit-learn for every group, or 2 and one line."""
    monkeypatch.setattr("hf_fairtune.cli.audit.write_audit", lambda document, folder, _: document.save(folder))
    flags = ["--label", "y", "--score", "p", "--group", "sex", "age:60", "--n_boot", "9", "--n_permutations", "9"]
    flags += ["--threshold", "0.5"]  # scores of 0 to 100 have no default
    draw, path, folder = np.random.default_rng(5), tmp_path / "t.csv", tmp_path / "o"
    for flaw in list(FATAL)[: None if flawed else 6]:
        frame = FATAL[flaw].apply(good(draw), draw) if flawed else odd(draw)
        write(frame, path, ",")
        status = main(["audit", str(path), *flags, "--cluster", "patient", "--output_dir", str(folder)])
        printed = capsys.readouterr().err.splitlines()
        if flawed:
            assert status == 2, flaw
            assert [line[:10] for line in printed] == ["fairtune: "], flaw
        else:
            assert status == 0, printed
            check_document(frame, Document.load(folder))


def check_document(frame: pd.DataFrame, document: Document) -> None:
    """Hold counts and AUC of every group of `audit.json` against scikit-learn on the plain frame."""
    plain = pd.DataFrame({"y": frame["y"].astype(float), "p": frame["p"].astype(float)})
    expected = {}
    for name, groups in levels(frame):
        for group, rows in plain.groupby(groups):
            both = rows["y"].nunique() == 2
            expected[name, group] = len(rows), roc_auc_score(rows["y"], rows["p"]) if both else np.nan
    entries = [entry for entry in document.audits if entry.attribute is not None]
    found = {(entry.attribute, row.group): (row.n, row.auc.value) for entry in entries for row in entry.audit.groups}
    assert set(found) == set(expected)
    for key, (n, value) in expected.items():
        assert found[key][0] == n
        assert found[key][1] == pytest.approx(value, nan_ok=True)


def test_bytes_at_random(tmp_path: Path) -> None:
    """Files cut, doubled and overwritten: refused in one line, or as many rows as there are."""
    draw, accepted = np.random.default_rng(0), 0
    for _ in range(300):
        path = tmp_path / str(draw.choice(["t.csv", "t.parquet"], p=[0.9, 0.1]))
        write(good(draw), path, "," if path.suffix == ".csv" else None)
        path.write_bytes(scrambled(path.read_bytes(), draw))
        try:
            found = read(path)
        except FairTuneError:
            continue
        accepted += 1
        assert np.isfinite(found.scores).all()
        assert set(np.unique(found.labels)) == {0, 1}
        assert all(len(part.values) == len(found.labels) for part in found.attributes)
    assert 15 < accepted < 285


def scrambled(content: bytes, draw: np.random.Generator) -> bytes:
    """Change some bytes: insert, overwrite, cut or double."""
    for _ in range(int(draw.integers(1, 4))):
        at, to = sorted(draw.integers(0, len(content) + 1, 2).tolist())
        some = bytes(draw.choice(list(b'\0\xff,;"\n\r\t 019.eNa-'), 2).tolist())
        edits = [content[:at] + some + content[at:], content[:at] + some + content[at + 2 :], content[:to]]
        content = [*edits, content[:to] + content[at:]][int(draw.integers(4))]
    return content
