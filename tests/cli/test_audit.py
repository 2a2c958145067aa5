"""`fairtune audit` of a table of predictions: numbers, files, thresholds, reference, gate."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import hf_fairtune
from hf_fairtune.cli.main import main

SCHEMA = json.loads((Path(hf_fairtune.__file__).parent / "audit.schema.json").read_text(encoding="utf-8"))
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


def audited(table: Path, *flags: str) -> dict[str, Any]:
    """Run the command and return its audit.json, which fits the schema."""
    folder = table.parent / "O"
    columns = ["--label", "y", "--score", "p", "--group", "sex"]
    assert main(["audit", str(table), *columns, *flags, *FEW, "--output_dir", str(folder)]) == 0
    found: dict[str, Any] = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    jsonschema.validate(found, SCHEMA)
    return found


def test_the_numbers_are_those_of_a_plain_data_frame(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = audited(table, "--group", "age:60", "--cluster", "patient_id")
    frame = predictions()
    age = np.where(frame.age <= 60, "<=60", ">60")
    groups = {"sex": frame.sex, "age:60": age, "sex & age:60": frame.sex + " & " + age}
    for row in found["groups"]:
        inside = frame[np.asarray(groups[row["attribute"]] == row["group"])]
        assert (row["n"], row["positives"]) == (len(inside), inside.y.sum())
        assert row["auc"] == pytest.approx(roc_auc_score(inside.y, inside.p), abs=1e-12)
        assert row["auc_low"] < row["auc"] < row["auc_high"]
        assert row["status"] == "ok"
    assert [row["group"] for row in found["groups"]][:4] == ["F", "M", "<=60", ">60"]
    assert len(found["groups"]) == 8
    assert found["auc"]["value"] == pytest.approx(roc_auc_score(frame.y, frame.p), abs=1e-12)
    assert "sex & age:60" in capsys.readouterr().out


def test_the_files_beside_it(table: Path) -> None:
    audited(table)
    assert {path.name for path in (table.parent / "O").iterdir()} == {
        "audit.json",
        "audit.html",
        "groups.csv",
        "thresholds.csv",
        "audit.tex",
        "factors.md",
        "private",
    }
    assert [path.name for path in (table.parent / "O" / "private").iterdir()] == ["audit.html"]


def test_p_values_are_adjusted_over_the_whole_family(table: Path) -> None:
    found = audited(table, "--group", "age:60", "--cluster", "patient_id")
    raw = np.array([pair["p"] for pair in found["pairs"]])
    assert len(raw) == 5
    assert found["options"]["family"].startswith("5 comparisons")
    least = found["pairs"][int(raw.argmin())]
    assert least["p_adjusted"] == pytest.approx(min(1, 5 * least["p"]))


def test_thresholds_are_fitted_on_other_rows(divided: Path) -> None:
    found = audited(divided, "--threshold", "0.5", "sensitivity=0.8", "youden per group")
    assert found["source"]["split"] == "test"
    assert found["n"] == 200
    policies = [(t["policy"], t["fitted_on"]) for t in found["audits"][0]["audit"]["thresholds"]]
    assert policies == [("fixed", None), ("sensitivity=0.8", "validation"), ("youden per group", "validation")]
    assert set(found["audits"][0]["audit"]["thresholds"][2]["by_group"]) == {"F", "M"}
    validation = predictions()[:200]
    cut = found["audits"][0]["audit"]["thresholds"][1]["value"]
    assert (validation.p[validation.y == 1] >= cut).mean() >= 0.8
    assert cut in set(validation.p)


def test_a_table_to_fit_on(table: Path, divided: Path) -> None:
    """Of one that is divided, the validation rows are taken, which are no audited ones."""
    found = audited(divided, "--split", "test", "--fit_on", str(divided), "--threshold", "youden")
    assert found["audits"][0]["audit"]["thresholds"][0]["fitted_on"] == "validation"


def test_thresholds_never_come_from_the_audited_rows(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = [str(table), "--label", "y", "--score", "p", "--group", "sex", *FEW]
    assert main(["audit", *columns, "--threshold", "youden"]) == 2
    assert "`youden` is fitted on other rows than the audited ones, and there are none" in capsys.readouterr().err
    assert main(["audit", *columns, "--threshold", "youden", "--fit_on", str(table)]) == 2
    assert "400 of 400 rows for thresholds have the labels and scores of audited rows" in capsys.readouterr().err


def test_a_reference_on_the_same_patients(divided: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = audited(divided, "--reference", "q")
    (by_sex,) = found["comparisons"]
    assert by_sex["attribute"] == "sex"
    test = predictions()[200:]
    gain = roc_auc_score(test.y, test.p) - roc_auc_score(test.y, test.q)
    assert by_sex["auc"]["value"] == pytest.approx(gain, abs=1e-12)
    assert [t["policy"] for t in by_sex["thresholds"]] == ["fixed", "youden"]
    assert "against the reference: pareto-better" in capsys.readouterr().out


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
    assert {0: "pass", 1: "fail", 3: "insufficient evidence"}[status] in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--score", "z"], "--score z names no column"),
        (["--split", "test"], "the table has no column `split`"),
        (["--threshold", "best"], "`best` is no threshold policy"),
        (["--threshold", "argmax"], "`argmax` is for one of several classes"),
        (["--exclude", "X"], "`exclude` names ['X']"),
        (["--reference_model", "m"], "--reference_model needs images"),
        (["--finding", "a=b"], "--finding a=b fits no class; write CLASS=WORDS for y"),
        (["--gate", "none.yaml"], "none.yaml"),
        (["--correction", "none"], "`none` is no correction"),
        (["--confidence", "95"], "`confidence` is 95.0; pass a level between 0 and 1"),
    ],
)
def test_bad_input_is_one_line(table: Path, capsys: pytest.CaptureFixture[str], flags: list[str], line: str) -> None:
    assert main(["audit", str(table), "--label", "y", "--group", "sex", "--score", "p", *FEW, *flags]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
