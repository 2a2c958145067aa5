"""Several classes and findings from the table to the card: search, train, audit and repair."""

import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForImageClassification

from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document
from hf_fairtune.document.run import ClassCalibration
from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.head import MULTI_LABEL
from hf_fairtune.loading import load_with_own_head
from hf_fairtune.publish import publish
from hf_fairtune.search.kept import place, read_scores
from hf_fairtune.show.classes import class_tables, on_test, worst_cells
from hf_fairtune.show.group_names import in_words
from hf_fairtune.show.ladder import ladder_table
from hf_fairtune.show.view import views
from tests.conftest import tiny_vit

from .conftest import for_all, run_without_card, without_card

CLASSES = ["bkl", "mel", "nv"]


@pytest.fixture(scope="module")
def clinic(lesions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated lesions with three classes, and two findings of which one is not always known."""
    folder = tmp_path_factory.mktemp("classes") / "lesions"
    shutil.copytree(lesions, folder)
    for path in folder.glob("*/metadata.csv"):
        frame = pd.read_csv(path)
        benign = np.where(frame["sex"] == "F", "nv", "bkl")
        frame["dx"] = np.where(frame["label"] == "malignant", "mel", np.where(frame.index % 3 > 0, benign, "nv"))
        frame["malignant"] = (frame["label"] == "malignant").astype(int)
        frame["other"] = np.where(frame.index % 10 == 0, np.nan, frame["dx"] == "nv")
        frame.to_csv(path, index=False)
    return folder


@pytest.fixture(scope="module")
def asked(flags: list[str], clinic: Path) -> list[str]:
    """Flags of data and model, without a label."""
    kept = list(flags)
    for flag in ("--label", "--positive"):
        at = kept.index(flag)
        del kept[at : at + 2]
    kept[kept.index("--dataset") + 1] = str(clinic)
    return [*kept, "--num_train_epochs", "1"]


@pytest.fixture(scope="module")
def searched(asked: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a search of three classes."""
    folder = tmp_path_factory.mktemp("runs") / "searched"
    more = ["--trials", "2", "--seeds", "1", "--baselines", "linear", "--baseline_trials", "1"]
    with for_all():
        assert main(["search", *asked, "--label", "dx", *more, "--output_dir", str(folder)]) == 0
    return folder


def test_search_of_classes(searched: Path, asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = Document.load(searched)
    assert (found.data.task, [target.name for target in found.data.targets]) == ("multiclass", CLASSES)
    assert {entry.target for entry in found.select("model", "test")} == {*CLASSES}
    assert found.run is not None
    assert found.run.search is not None
    best = found.run.search.chosen
    assert best is not None
    assert math.isfinite(best.value)
    n = found.data.splits["validation"].n
    assert isinstance(n, int)
    scores = read_scores(place(searched, 0), n, 3)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-9)
    model = AutoModelForImageClassification.from_pretrained(searched)
    assert ([*model.config.id2label.values()], model.config.problem_type) == (CLASSES, "single_label_classification")
    again = ["--trials", "2", "--seeds", "1", "--baselines", "linear", "--baseline_trials", "1"]
    assert main(["search", *asked, "--label", "dx", *again, "--output_dir", str(searched)]) == 0
    assert "is finished; nothing was run" in capsys.readouterr().out


def test_an_objective_without_a_cell_is_refused_before_anything_is_timed(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hf_fairtune.trainer.selecting.cells_of_key", lambda *_: [])
    flags = [*asked, "--label", "dx", "--objective", "min_group_auc_nv", "--output_dir", str(tmp_path / "none")]
    assert main(["search", *flags]) == 2
    said = capsys.readouterr()
    assert "`min_group_auc_nv` has no value: nv does not have 10 cases" in said.err
    assert "timing" not in said.out
    assert not (tmp_path / "none").exists()


def test_the_card_has_the_worst_cell_and_a_table_of_all(searched: Path) -> None:
    found = in_words(publish(Document.load(searched)))
    every, card = views(found), (searched / "README.md").read_text()
    cells = [
        (row.auc.value, view.target, row.group)
        for view in every
        for row in view.audit.groups
        if row.status != "not estimable" and row.auc.defined
    ]
    (said,), (table,) = worst_cells(every), class_tables(every)
    value, target, group = min(cells)
    assert f"the lowest AUC is {value:.2f}" in said
    assert target in said
    assert group in said
    assert said.split(", of")[0] in card
    assert f"### {table.title}" in card
    assert [row[0] for row in table.rows] == [*(row.group for row in every[0].audit.groups), "all rows"]
    assert "probabilities.tolist()" in card
    assert "one of 3 classes: bkl, mel, nv" in card
    assert "name: AUC of mel, all rows, test" in card
    assert {path.stem for path in (searched / "figures").iterdir()} >= {"classes", "changes"}


def test_an_objective_is_found_on_test(searched: Path) -> None:
    """From cells with enough cases: the worst, the mean over classes, and that of one class."""
    every = views(Document.load(searched))
    lows, wholes = {}, {}
    for view in every:
        taking = [row.auc.value for row in view.audit.groups if row.status != "not estimable"]
        lows |= {view.target: min(taking)} if taking else {}
        wholes |= {view.target: view.audit.auc.value}
    assert 1 < len(lows) <= 3
    for key, wanted in {
        "min_group_auc": min(lows.values()),
        "macro_min_group_auc": np.mean([*lows.values()]),
        "min_group_auc_mel": lows["mel"],
        "macro_auc": np.mean([*wholes.values()]),
    }.items():
        found = on_test(every, key)
        assert found is not None
        assert found.value == pytest.approx(wanted)
    assert on_test(every, "tpr") is None


def test_findings_are_audited_as_they_were_tested(
    asked: list[str], clinic: Path, tmp_path: Path, undrawn: None
) -> None:
    """The audit of the model's folder has the run's own AUCs, of rows whose label is known."""
    labels, run, audit = ["--label", "malignant", "other"], tmp_path / "run", tmp_path / "audit"
    with without_card():
        assert main(["train", "--method", "full", *asked, *labels, "--output_dir", str(run)]) == 0
    model = AutoModelForImageClassification.from_pretrained(run)
    assert ([*model.config.id2label.values()], model.config.problem_type) == (["malignant", "other"], MULTI_LABEL)
    flags = ["--dataset", str(clinic), "--group", "skin", "--n_boot", "0", "--n_permutations", "0"]
    assert main(["audit", str(run), *flags, *labels, "--output_dir", str(audit)]) == 0
    assert "AUC of every class by skin" in (audit / "audit.html").read_text()
    own, other = Document.load(run), Document.load(audit)
    known = pd.read_csv(clinic / "test" / "metadata.csv")["other"].notna().sum()
    for target in ("malignant", "other"):
        one, two = (found.find("model", "test", target, "skin") for found in (own, other))
        assert one is not None
        assert two is not None
        assert one.audit.auc.value == pytest.approx(two.audit.auc.value, abs=1e-6)
        assert one.audit.n == two.audit.n == (known if target == "other" else own.data.splits["test"].n)


def test_repair_of_classes_calibrates_each(
    searched: Path, asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [str(searched) if flag == asked[asked.index("--model") + 1] else flag for flag in asked]
    more = ["--label", "dx", "--method", "full", "--seeds", "1", "--output_dir", str(tmp_path / "repaired")]
    with for_all():
        assert main(["debias", *flags, *more]) == 0
    found = Document.load(tmp_path / "repaired")
    assert found.run is not None
    assert found.run.repair is not None
    calibration = found.run.repair.calibration
    assert isinstance(calibration, ClassCalibration)
    assert [*calibration.slopes] == CLASSES
    assert calibration.log_loss_after <= calibration.log_loss_before
    assert "slope and intercept by class" in (tmp_path / "repaired" / "README.md").read_text()
    assert main(["debias", *flags, *more[:-1], str(tmp_path / "maps"), "--maps"]) == 2
    assert "--maps are of one finding against the rest" in capsys.readouterr().err


def test_a_ladder_of_classes(searched: Path, asked: list[str], tmp_path: Path) -> None:
    """Its value is the lowest AUC of a group in any class; every class is compared with the model before."""
    flags = [str(searched) if flag == asked[asked.index("--model") + 1] else flag for flag in asked]
    more = ["--label", "dx", "--method", "ladder", "--rungs", "dfr", "full", "--seeds", "1", "--num_train_epochs", "1"]
    run_without_card("debias", [*flags, *more], tmp_path / "climbed")
    document = Document.load(tmp_path / "climbed")
    assert document.run is not None
    ladder = document.run.ladder
    assert ladder is not None
    for rung in ladder.rungs:
        assert {row.target for row in rung.rows} == {*CLASSES}
        assert rung.value.value <= 1
    table = ladder_table(document)
    assert [row[0].removesuffix(" (taken)") for row in table.rows][:2] == ["before", "DFR"]


def saved(folder: Path, names: list[str], problem: str | None = None) -> str:
    """Save a tiny model with these classes."""
    model = tiny_vit(num_labels=len(names))
    model.config.id2label, model.config.problem_type = dict(enumerate(names)), problem
    model.config.label2id = {name: i for i, name in enumerate(names)}
    model.save_pretrained(folder)
    return str(folder)


def test_classes_of_a_model_are_found_by_name(tmp_path: Path, pixels: torch.Tensor) -> None:
    name = saved(tmp_path, ["nv", "bkl", "mel"])
    plain, ordered = (
        AutoModelForImageClassification.from_pretrained(name),
        load_with_own_head(name, CLASSES, None, "multiclass"),
    )
    assert [*ordered.config.id2label.values()] == CLASSES
    with torch.no_grad():
        torch.testing.assert_close(ordered(pixels).logits, plain(pixels).logits[:, [1, 2, 0]])


@pytest.mark.parametrize(
    ("labels", "task", "line"),
    [
        (["bkl", "mel", "df"], "multiclass", "the model's classes are nv, bkl, mel, those of the data bkl, mel, df"),
        (CLASSES, "multilabel", "the model chooses one of its classes"),
        (["benign", "mel"], "binary", "the model has 3 classes but two are wanted"),
    ],
)
def test_other_classes_are_refused(tmp_path: Path, labels: list[str], task: str, line: str) -> None:
    with pytest.raises(FairTuneError, match=line):
        load_with_own_head(saved(tmp_path, ["nv", "bkl", "mel"]), labels, None, task)  # type: ignore[arg-type]
