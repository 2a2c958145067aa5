"""`fairtune compare`: one command from a protocol file to its pages, and bad input in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from hf_fairtune.cli.main import main
from hf_fairtune.document.benchmark import Benchmark

YES = "trials: 1\nseeds: [0, 1, 2]\ntraining: {num_train_epochs: 1}\nrepair: {num_train_epochs: 1}\n"


def protocol(lesions: Path, base: Path, more: str = "", **task: str) -> str:
    values = {"dataset": str(lesions), "label": "label", "positive": "malignant", "group": "skin", **task}
    return f"tasks: {{skin: {json.dumps(values)}}}\nmodels: [{base}]\nmethods: [full, unchanged]\n{YES}{more}"


def test_a_protocol_becomes_pages(
    lesions: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], undrawn: None
) -> None:
    file, folder = tmp_path / "protocol.yaml", tmp_path / "out"
    file.write_text(protocol(lesions, base))
    assert main(["compare", "--config", str(file), "--output_dir", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "price: 2 searches of 1 trial + 6 trainings, about" in printed
    assert "[0 of 8 done, about" in printed
    assert "of work left] skin · unchanged · seed 2" in printed
    assert "8 of 8 units done" in (folder / "progress.txt").read_text()
    assert "8 of 8 units done; trainings by method and task" in printed
    found = Benchmark.load(folder)
    assert [row.method for row in found.tasks[0].methods] == ["full", "unchanged"]
    assert found.tasks[0].model == base.name
    for page in ("compare.html", "share/README.md", "share/benchmark.csv", "share/benchmark.tex"):
        assert str(tmp_path) not in (folder / page).read_text()
    assert main(["compare", str(file), "--output_dir", str(folder)]) == 0
    assert "price" not in capsys.readouterr().out


def test_flags_make_a_task_of_their_own(lesions: Path, base: Path, tmp_path: Path) -> None:
    data = f"--dataset {lesions} --label label --positive malignant --group skin --models {base} --methods full"
    own = f"--seeds 0 --trials 0 --num_train_epochs 1 --output_dir {tmp_path / 'out'}"
    assert main(["compare", *data.split(), *own.split()]) == 0
    (task,) = Benchmark.load(tmp_path / "out").tasks
    assert (task.name, task.methods[0].standing) == ("lesions", "few trainings")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("methods: [full, grupdro]", "`grupdro` is no method; did you mean `groupdro`"),
        ("methods: [linear]", "`reference` is `full`, which is not among the methods linear; add it"),
        ("seeds: [0, 0, 1]", "`--seeds 0 0 1`: name each once"),
        ("trails: 3", "`trails` is no flag of `fairtune compare`; did you mean `trials`"),
        ("training: {epochs: 3}", "`training`: `epochs` is no flag of `training`"),
        ("training: 3", "`training` is 3; write a mapping of names to values"),
        ("folds: 2", "`--folds` is 2; give 3 or more, or 0"),
        ("selection: folds", "argument --selection: invalid choice: 'folds'"),
        ("selection: worst", "argument --selection: invalid choice: 'worst'"),
        ("training: {seed: 3}", "`training`: `seed` is not free in a comparison; give `seeds`"),
        ("training: {method: sam}", "`method` is not free in a comparison; name it among `methods`"),
        ("repair: {output_dir: x}", "`repair`: `output_dir` is not free in a comparison"),
        ("min_auc: 2", "`min_auc` is 2; give a floor from 0"),
        ("models: [a/tiny, b/tiny]", "`models` gives two tasks the name `skin+tiny`"),
        ("models: [no/such-folder]", "`tasks`: `skin`: "),
        ("tasks: {}", "`tasks` is empty; name a table of images"),
        ("tasks: {../x: {}}", "`../x` is no task"),
        ("tasks: {x: {dataset: d.csv, label: l, grup: sex}}", "`grup` is no flag of `tasks: x`; did you mean `group`"),
        ("tasks: {x: {label: l}}", "`tasks: x` lacks `dataset`; give it"),
        ("models: []", "`skin` has no model; name it there, or give `models`"),
        ("objective: min_ac", "min_ac"),
        ("base: unchanged", "repairs start from the models of `unchanged`, which is a repair itself"),
        ("published: {file: no.csv, table: 1}", "no.csv` cannot be read"),
        ("published: {table_: 1}", "`table_` is no key of it"),
    ],
)
def test_bad_input_is_one_line(
    lesions: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: str, said: str
) -> None:
    key = changed.partition(":")[0]
    kept = [line for line in protocol(lesions, base).splitlines() if not line.startswith(f"{key}:")]
    (tmp_path / "p.yaml").write_text("\n".join([*kept, changed]))
    assert main(["compare", str(tmp_path / "p.yaml"), "--output_dir", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_attribute_that_the_table_lacks(
    lesions: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.yaml").write_text(protocol(lesions, base, group="race"))
    assert main(["compare", str(tmp_path / "p.yaml"), "--output_dir", str(tmp_path / "out")]) == 2
    assert "`tasks`: `skin`: --group race names no column" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_method_that_compares_groups_is_refused_where_there_are_none(
    lesions: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = protocol(lesions, base).replace("unchanged", "penalty")
    values: dict[str, Any] = {"dataset": str(lesions), "label": "label", "positive": "malignant"}
    lines = [
        f"tasks: {{all: {json.dumps(values)}}}" if line.startswith("tasks") else line for line in text.splitlines()
    ]
    (tmp_path / "p.yaml").write_text("\n".join(lines))
    assert main(["compare", str(tmp_path / "p.yaml"), "--output_dir", str(tmp_path / "out")]) == 2
    assert "`tasks`: `all`: No --group is given" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
