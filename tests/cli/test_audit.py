"""`fairtune audit` of a table of predictions: numbers, files, thresholds, reference, gate."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from hf_fairtune.cli.main import main
from hf_fairtune.document.data import Target
from hf_fairtune.document.document import Document

pytestmark = pytest.mark.usefixtures("undrawn")

FEW = ["--n_boot", "50", "--n_permutations", "50"]


def predictions(n: int = 400) -> pd.DataFrame:
    """Predictions of two models for patients of two rows, in two splits."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, n)
    return pd.DataFrame(
        {
            "y": labels,
            "p": np.clip(labels * 0.3 + draw.uniform(0, 0.7, n), 0, 1),
            "q": np.clip(labels * 0.1 + draw.uniform(0, 0.9, n), 0, 1),
            "sex": draw.choice(["F", "M"], n),
            "age": draw.integers(20, 90, n),
            "patient_id": [f"p{i // 2}" for i in range(n)],
            "split": np.repeat(["validation", "test"], n // 2),
        }
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    predictions().drop(columns="split").to_csv(tmp_path / "preds.csv", index=False)
    return tmp_path / "preds.csv"


@pytest.fixture
def divided(tmp_path: Path) -> Path:
    predictions().to_parquet(tmp_path / "divided.parquet", index=False)
    return tmp_path / "divided.parquet"


def audited(table: Path, *flags: str) -> Document:
    """Run the command and return its document."""
    folder = table.parent / "O"
    columns = ["--label", "y", "--score", "p", "--group", "sex"]
    assert main(["audit", str(table), *columns, *flags, *FEW, "--output_dir", str(folder)]) == 0
    return Document.load(folder)


def test_the_numbers_are_those_of_a_plain_data_frame(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = audited(table, "--group", "age:60", "--cluster", "patient_id")
    frame = predictions()
    age = np.where(frame.age <= 60, "<=60", ">60")
    groups = {"sex": frame.sex, "age:60": age, "sex & age:60": frame.sex + " & " + age}
    everyone, *entries = found.audits
    assert everyone.attribute is None
    assert everyone.audit.auc.value == pytest.approx(roc_auc_score(frame.y, frame.p), abs=1e-12)
    assert [entry.attribute for entry in entries] == list(groups)
    for entry in entries:
        for row in entry.audit.groups:
            inside = frame[np.asarray(groups[str(entry.attribute)] == row.group)]
            assert (row.n, row.positives) == (len(inside), inside.y.sum())
            assert row.auc.value == pytest.approx(roc_auc_score(inside.y, inside.p), abs=1e-12)
            assert row.auc.low < row.auc.value < row.auc.high
            assert row.status == "ok"
    assert [row.group for entry in entries for row in entry.audit.groups][:4] == ["F", "M", "<=60", ">60"]
    assert sum(len(entry.audit.groups) for entry in entries) == 8
    assert "By sex & age: " in capsys.readouterr().out


def test_the_facts_about_the_rows(table: Path) -> None:
    found = audited(table, "--group", "age:60", "--cluster", "patient_id", "--finding", "melanoma", "--exclude", "F")
    frame, data = predictions(), found.data
    assert (data.name, data.label, data.task, data.probability) == ("preds.csv", "y", "binary", True)
    assert (data.groups, data.cluster, data.split_source) == (["sex", "age:60"], "patient_id", None)
    assert data.targets == [Target("y", None, "melanoma")]
    (sheet,) = data.splits.values()
    assert list(data.splits) == ["all"]
    assert (sheet.n, sheet.clusters, sheet.positives) == (400, 200, {"y": frame.y.sum()})
    assert [part.name for part in sheet.attributes] == ["sex", "age:60", "sex & age:60"]
    oracle = frame.groupby("sex").y.agg(["size", "sum"])
    counts = {level.group: [level.n, level.positives["y"]] for level in sheet.attributes[0].levels}
    assert counts == {group: row.tolist() for group, row in oracle.iterrows()}
    assert (found.job, found.model, [model.title for model in found.models]) == ("audit", "model", ["preds.csv"])
    assert (found.settings.n_permutations, found.settings.correction, found.settings.exclude) == (50, "holm", ["F"])
    assert found.arguments["dataset"] == "preds.csv"
    assert "output_dir" not in found.arguments


def test_the_files_beside_it(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audited(table)
    folder = table.parent / "O"
    assert {path.name for path in folder.iterdir()} == {"audit.json", "audit.html", "manifest.json", "share"}
    shared = {"audit.html", "groups.csv", "thresholds.csv", "audit.tex", "factors.md"}
    assert {path.name for path in (folder / "share").iterdir()} == shared
    printed = capsys.readouterr().out
    assert f"{folder / 'share'} may be shared" in printed
    assert f"all tables: {folder / 'audit.html'}, all numbers: {folder / 'audit.json'}" in printed
    assert "\033" not in printed, "no colour where the output is no terminal"


def test_how_much_is_shared(table: Path) -> None:
    """Only AUCs and verdicts leave the house where that is asked for; the exact audit stays the same."""
    rates = audited(table)
    page = (table.parent / "O" / "share" / "audit.html").read_bytes()
    assert replace(audited(table, "--share", "auc"), provenance=rates.provenance, arguments=rates.arguments) == rates
    assert (table.parent / "O" / "share" / "audit.html").read_bytes() != page


def test_p_values_are_adjusted_over_all_pairs(table: Path) -> None:
    found = audited(table, "--group", "age:60", "--cluster", "patient_id")
    pairs = [pair for entry in found.audits for pair in entry.audit.pairs]
    assert len(pairs) == 5
    least = min(pairs, key=lambda pair: pair.p)
    assert least.p_adjusted == pytest.approx(min(1, 5 * least.p))


def test_a_named_reference_is_recorded(table: Path) -> None:
    found = audited(table, "--group", "age:60", "--reference_group", "M", "--reference_group", ">60")
    used = {entry.attribute: {pair.reference for pair in entry.audit.pairs} for entry in found.audits[1:]}
    assert used == {"sex": {"M"}, "age:60": {">60"}, "sex & age:60": {"M & >60"}}
    assert found.settings.reference_group == found.arguments["reference_group"] == ["M", ">60"]


def test_thresholds_are_fitted_on_other_rows(divided: Path) -> None:
    found = audited(divided, "--threshold", "0.5", "sensitivity=0.8", "youden per group")
    assert (list(found.data.splits), found.data.split_source) == (["test"], "given")
    entry = found.find("model", "test", "y", "sex")
    assert entry is not None
    assert entry.audit.n == 200
    policies = [(t.policy, t.fitted_on) for t in entry.audit.thresholds]
    assert policies == [("fixed", None), ("sensitivity=0.8", "validation"), ("youden per group", "validation")]
    assert set(entry.audit.thresholds[2].by_group or ()) == {"F", "M"}
    validation = predictions()[:200]
    cut = entry.audit.thresholds[1].value
    assert (validation.p[validation.y == 1] >= cut).mean() >= 0.8
    assert cut in set(validation.p)


def test_a_table_to_fit_on(table: Path, divided: Path) -> None:
    """Of one that is divided, the validation rows are taken, which are no audited ones."""
    found = audited(divided, "--split", "test", "--fit_on", str(divided), "--threshold", "youden")
    assert found.audits[0].audit.thresholds[0].fitted_on == "validation"


def test_thresholds_never_come_from_the_audited_rows(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = [str(table), "--label", "y", "--score", "p", "--group", "sex", *FEW]
    assert main(["audit", *columns, "--threshold", "youden"]) == 2
    assert "`youden` is fitted on other rows than the audited ones, and there are none" in capsys.readouterr().err
    assert main(["audit", *columns, "--threshold", "youden", "--fit_on", str(table)]) == 2
    assert "400 of 400 rows for thresholds have the labels and scores of audited rows" in capsys.readouterr().err


def test_a_reference_on_the_same_patients(divided: Path) -> None:
    found = audited(divided, "--reference", "q")
    everyone, by_sex = found.audits
    assert everyone.comparison is None
    assert (by_sex.attribute, by_sex.reference) == ("sex", "reference")
    assert [model.id for model in found.models] == ["model", "reference"]
    assert by_sex.comparison is not None
    test = predictions()[200:]
    gain = roc_auc_score(test.y, test.p) - roc_auc_score(test.y, test.q)
    assert by_sex.comparison.auc.value == pytest.approx(gain, abs=1e-12)
    assert [t.policy for t in by_sex.comparison.thresholds] == ["fixed", "youden"]
    assert by_sex.comparison.verdict == "better"


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ("{metric: auc, at_least: 0.6}", 0),
        ("{metric: auc, at_least: 0.99}", 1),
        ("{metric: auc_gap, at_most: 0.01}", 3),
    ],
)
def test_the_gate_is_the_exit_status(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str, status: int
) -> None:
    (tmp_path / "rules.yaml").write_text(f"rules:\n  - {rule}\n", encoding="utf-8")
    columns = [str(table), "--label", "y", "--score", "p", "--group", "sex", *FEW]
    assert main(["audit", *columns, "--gate", str(tmp_path / "rules.yaml")]) == status
    assert {0: "pass", 1: "fail", 3: "insufficient evidence"}[status] in capsys.readouterr().out.partition(
        "Rules of rules.yaml: "
    )[2].splitlines()[0]


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--score", "z"], "--score z names no column"),
        (["--split", "test"], "the table has no column `split`"),
        (["--threshold", "best"], "`best` is no threshold policy"),
        (["--threshold", "argmax"], "`argmax` is for one of several classes"),
        (["--exclude", "X"], "`exclude` names ['X']"),
        (["--reference_group", "X"], "`reference_group` names ['X']; the groups are ['F', 'M']."),
        (["--reference_group", "M", "--exclude", "M"], "`reference_group` is 'M', which `exclude` leaves out"),
        (["--reference_model", "m"], "--reference_model needs images"),
        (["--finding", "a=b"], "--finding a=b fits no class; write CLASS=WORDS for y"),
        (["--gate", "none.yaml"], "none.yaml"),
        (["--correction", "none"], "`none` is no correction"),
        (["--share", "all"], "invalid choice: 'all'"),
        (["--confidence", "95"], "`confidence` is 95.0; pass a level between 0 and 1"),
    ],
)
def test_bad_input_is_one_line(table: Path, capsys: pytest.CaptureFixture[str], flags: list[str], line: str) -> None:
    assert main(["audit", str(table), "--label", "y", "--group", "sex", "--score", "p", *FEW, *flags]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
