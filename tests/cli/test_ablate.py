"""`fairtune ablate`: a repair for each value and seed, their table, and that finished ones are not run again."""

import json
import shutil
from pathlib import Path
from statistics import mean, stdev

import pytest

from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document
from tests.cli.conftest import without_card

VALUES, SEEDS = ("none", "soft"), (0, 1)


@pytest.fixture(scope="module")
def asked(repairing: list[str], biased: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Flags of a small ablation in which each seed starts from a model of its own."""
    models, folder = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("runs") / "masks"
    for seed in SEEDS:
        shutil.copytree(biased, models / f"biased-{seed}")
    own = ["--model", str(models / "biased-{seed}"), "--num_train_epochs", "1"]
    return [*repairing, *own, "--vary", "mask=none,soft", "--seeds", "0", "1", "--output_dir", str(folder)]


@pytest.fixture(scope="module")
def ablated(asked: list[str]) -> Path:
    """The folder of the ablation, without its runs' figures."""
    with without_card():
        assert main(["ablate", *asked]) == 0
    return Path(asked[-1])


def test_each_run_has_its_value_and_seed(ablated: Path) -> None:
    for value in VALUES:
        for seed in SEEDS:
            document = Document.load(ablated / f"mask-{value}" / f"seed-{seed}")
            training = document.model_named("model").training
            assert training is not None
            assert training.soft_mask is not None
            assert document.run is not None
            assert (training.soft_mask.kind, document.run.seed) == (value, seed)
            assert document.run.base.name == f"biased-{seed}"


def test_the_table_is_that_of_the_documents(ablated: Path) -> None:
    written = json.loads((ablated / "ablation.json").read_text())
    assert (written["flag"], written["seeds"]) == ("mask", [0, 1])
    rows = {row["value"]: row for row in written["rows"]}
    assert list(rows) == ["before", "before, calibrated", *VALUES]
    lines = {line.split("  ")[0]: line for line in (ablated / "ablation.txt").read_text().splitlines() if line}
    models = {"before": "before", "before, calibrated": "before_calibrated"}
    for value, row in rows.items():
        model, folder = models.get(value, "model"), "none" if value in models else value
        documents = [Document.load(ablated / f"mask-{folder}" / f"seed-{seed}") for seed in SEEDS]
        entries = [document.find(model, "test", "malignant", "skin") for document in documents]
        for name, key in (("AUC", "auc"), ("lowest group", "min_group_auc"), ("gap", "auc_gap")):
            values = [getattr(entry.audit, key).value for entry in entries if entry is not None]
            assert row["numbers"][name] == values
            assert f"{mean(values):.3f} ± {stdev(values):.3f}" in lines[value]
        assert len(row["verdicts"]) == (0 if value in models else 2)


def test_finished_runs_are_not_run_again(
    ablated: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr("hf_fairtune.trainer.fair.FairTrainer.__init__", never)
    before = {p: p.read_bytes() for p in ablated.rglob("*") if p.is_file()}
    assert main(["ablate", *asked]) == 0
    assert {p: p.read_bytes() for p in ablated.rglob("*") if p.is_file()} == before
    printed = capsys.readouterr().out
    assert printed.count("is finished; nothing was run") == 4
    assert printed.endswith((ablated / "ablation.txt").read_text())


BAD = [
    (["--vary", "mask"], "`--vary mask` is not FLAG=VALUE,VALUE; write e.g. --vary mask=none,soft"),
    (["--vary", "mask="], "`--vary mask=` is not FLAG=VALUE,VALUE"),
    (["--vary", "=soft"], "`--vary =soft` is not FLAG=VALUE,VALUE"),
    (["--vary", "mask=soft,soft"], "`--vary mask=soft,soft` is not FLAG=VALUE,VALUE"),
    (["--vary", "seed=1,2"], "seed is set by `fairtune ablate`; name seeds by --seeds 0 1 2"),
    (["--vary", "magic=1,2"], "--magic"),
    (["--vary", "mask=soft,magic"], "`mask` is 'magic'; choose soft, hard, random or none"),
    (["--vary", "method=swift,magic"], "`magic` is not one of the methods"),
    (["--vary", "alpha_head=0.5,much"], "invalid float value: 'much'"),
    (["--vary", "mask=none", "--seeds", "1", "1"], "`--seeds 1 1` names one twice"),
    ([], "the following arguments are required: --vary"),
]


@pytest.mark.parametrize(("more", "message"), BAD, ids=[" ".join(more) or "nothing" for more, _ in BAD])
def test_bad_input_is_one_line_before_anything_is_run(
    repairing: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert main(["ablate", *repairing, *more, "--output_dir", str(tmp_path / "o")]) == 2
    printed, error = capsys.readouterr()
    assert printed == ""
    (line,) = error.splitlines()
    assert line.startswith("fairtune: ")
    assert message in line
    assert not (tmp_path / "o").exists()
