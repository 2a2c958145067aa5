"""Several classes and findings through `FairTrainer`: metrics, searches by fold, combinations, calibration."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import ClassLabel, Dataset, DatasetDict, List, Value
from transformers import TrainerState, ViTImageProcessor

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.audits.calibration import EDGE
from hf_fairtune.cli.counts import cells_said, classes_said
from hf_fairtune.combinations.library import Library, Step
from hf_fairtune.combinations.mean import MeanModel
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.families.head import MULTI_LABEL, is_multi_label
from hf_fairtune.methods.full import Full
from hf_fairtune.selections.objective import Objective
from hf_fairtune.trainer.epoch_line import EpochLine
from hf_fairtune.trainer.selecting import objective_cells, scored_by
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments

CLASSES = ["bkl", "mel", "nv"]
LABELS = {"classes": ["dx"], "findings": ["malignant", "other"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated images with three classes, and two findings of which one is not always known."""
    found = write_lesions(tmp_path_factory.mktemp("data") / "lesions", n=400, image_size=16)
    for path in found.glob("*/metadata.csv"):
        frame = pd.read_csv(path)
        malignant = frame["label"] == "malignant"
        frame["dx"] = np.where(malignant, "mel", np.where(frame.index % 2, "nv", "bkl"))
        frame["malignant"] = malignant.astype(int)
        frame["other"] = np.where(frame.index % 10 == 0, np.nan, frame["dx"] == "nv")
        frame.to_csv(path, index=False)
    return found


@pytest.fixture(scope="module")
def data(folder: Path) -> Callable[[str], FairDataset]:
    def load(kind: str) -> FairDataset:
        asked = DataArguments(str(folder), LABELS[kind], [], ["skin"], "patient_id", image_size=16)
        return load_fair_dataset(asked, ViTImageProcessor(size={"height": 16, "width": 16}))

    return load


def trainer(folder: Path, data: FairDataset, **options: Any) -> FairTrainer:
    args = arguments(folder, per_device_train_batch_size=32, num_train_epochs=1, save_strategy="no", **options)
    return FairTrainer(model_init=lambda: tiny_vit(num_labels=len(data.label_names)), args=args, data=data)


def test_rows_without_data_have_the_names_of_their_classes(tmp_path: Path) -> None:
    names = ["bkl", "mel", "nv"]
    train, validation = (table(64, seed).cast_column("labels", ClassLabel(names=names)) for seed in (0, 1))
    args = arguments(tmp_path, metric_for_best_model="macro_auc")
    run = FairTrainer(tiny_vit(num_labels=3), args, method=Full(), train_dataset=train, eval_dataset=validation)
    found = run.evaluate()
    assert {"eval_min_group_auc", "eval_macro_min_group_auc", "eval_min_group_auc_mel", "eval_auc_mel_a"} <= {*found}
    args = arguments(tmp_path, metric_for_best_model="auc_gap_df")
    with pytest.raises(FairTuneError, match="`metric_for_best_model`: `auc_gap_df` is not a metric"):
        FairTrainer(tiny_vit(num_labels=3), args, method=Full(), train_dataset=train, eval_dataset=validation)


@pytest.mark.parametrize("length", [3, -1])
def test_findings_without_data_are_named_by_the_model(tmp_path: Path, length: int) -> None:
    def findings(seed: int) -> Dataset:
        rows = table(64, seed)
        labels = np.random.default_rng(seed).integers(0, 2, (64, 3)).astype(np.float32)
        return rows.remove_columns("labels").add_column(
            "labels", labels.tolist(), feature=List(Value("float32"), length=length)
        )

    model = tiny_vit(num_labels=3)
    model.config.problem_type = MULTI_LABEL
    run = FairTrainer(model, arguments(tmp_path), method=Full(), train_dataset=findings(0), eval_dataset=findings(1))
    run.train()
    found = run.evaluate()
    wanted = {"eval_min_group_auc", "eval_macro_min_group_auc", "eval_min_group_auc_LABEL_2", "eval_auc_LABEL_0_a"}
    assert wanted <= {*found}


def test_a_model_of_other_classes_is_refused(tmp_path: Path, data: Callable[[str], FairDataset]) -> None:
    with pytest.raises(FairTuneError, match="the model has 2 classes, the data have 3 .* `num_labels=3`"):
        FairTrainer(tiny_vit(), arguments(tmp_path), data=data("classes"), method=Full())


@pytest.mark.parametrize("kind", ["classes"])
def test_folds_keep_the_scores_of_every_class(tmp_path: Path, data: Callable[[str], FairDataset], kind: str) -> None:
    """The value of each trial is the objective of its out-of-fold scores, and a rule can weigh these."""
    run = trainer(tmp_path, data(kind))
    run.hyperparameter_search(n_trials=2, folds=2, selection="one_se", compute_objective="macro_min_group_auc")
    assert run.search is not None
    assert run.searcher is None
    assert run.cross_fit is not None
    found = scored_by(run, run.cross_fit.plan, run.search.complete)
    assert found.scores.shape[::2] == (2, len(data(kind).label_names))
    values = Objective("macro_min_group_auc", maximize=True).values(found)
    assert values == pytest.approx([trial.value for trial in run.search.complete])


def test_too_few_cases_are_told_before_a_trial(tmp_path: Path, data: Callable[[str], FairDataset]) -> None:
    small = data("classes").subset(0.5)
    parts = {name: part.select(range(12)) if name == "validation" else part for name, part in small.splits.items()}
    run = trainer(tmp_path, replace(small, splits=DatasetDict(parts)))
    with pytest.raises(FairTuneError, match="`min_group_auc` has no value: no class has 10 cases, and 10 others"):
        run.hyperparameter_search(n_trials=1)


def test_an_objective_rests_on_cells_with_enough_cases(tmp_path: Path, data: Callable[[str], FairDataset]) -> None:
    """Nine nv are left in validation, which a search by another class does not need."""
    whole = data("classes")
    labels = whole.columns("validation")["labels"]
    kept = np.delete(np.arange(len(labels)), np.flatnonzero(labels == CLASSES.index("nv"))[9:])
    parts = {**whole.splits, "validation": whole["validation"].select(kept)}
    small = replace(whole, splits=DatasetDict(parts))
    run, names = trainer(tmp_path, small), small.group_names
    columns, wanted = small.columns("validation"), []
    for label, group in product(range(3), range(len(names))):
        cases = columns["labels"][columns["groups"] == group] == label
        if min(cases.sum(), (~cases).sum()) >= 10:
            wanted.append((CLASSES[label], names[group]))
    assert objective_cells(run, "min_group_auc") == wanted
    assert objective_cells(run, "auc_gap_mel") == [cell for cell in wanted if cell[0] == "mel"]
    assert objective_cells(run, "macro_auc") is None
    assert ("nv", names[0]) in (objective_cells(run, "min_group_auc", folds=2) or [])
    with pytest.raises(FairTuneError, match=r"`min_group_auc_nv` has no value: nv does not have 10 .* \(\d in "):
        run.hyperparameter_search(compute_objective="min_group_auc_nv", n_trials=1)
    assert not (tmp_path / "search.db").exists()
    (line,) = cells_said(small, [("mel", names[0])])
    assert line == f"note: the objective rests on one cell, mel in {names[0]}"
    assert [*cells_said(small, [("mel", names[0])] * 4)] == [*cells_said(small, None)] == []


def test_rare_classes_are_named_before_training(data: Callable[[str], FairDataset]) -> None:
    whole, facts = data("classes"), data("classes").facts()
    assert not [line for line in classes_said(whole) if line.startswith("warning")]
    sheets = {}
    for split, sheet in facts.splits.items():
        few = {"nv": 1, "mel": 12} if split == "train" else {"nv": 0, "mel": 0}
        sheets[split] = replace(sheet, positives=sheet.positives | few)
    said = classes_said(replace(whole, _facts=replace(facts, splits=sheets)))
    assert "warning: mel has 12 images in all and none in test, nv has 1 image in all and none in test" in list(said)


@pytest.mark.parametrize(("of_classes", "wanted"), [(True, "auc of the worst class 0.5000 · min"), (False, "auc 0.5")])
def test_an_epoch_of_classes_has_no_gap_without_a_value(
    of_classes: bool, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line, state = EpochLine(lambda: ""), TrainerState(num_train_epochs=1)
    line.on_train_begin(None, state)
    found = {"eval_loss": 1.0, "eval_auc": 0.5, "eval_min_group_auc": 0.6, "eval_auc_gap": math.nan}
    line.on_evaluate(None, state, metrics=found | ({"eval_macro_auc": 0.5} if of_classes else {}))
    printed = capsys.readouterr().err
    assert wanted in printed
    assert ("nan" in printed) != of_classes


@pytest.mark.parametrize("kind", ["classes", "findings"])
def test_an_ensemble_is_the_mean_of_the_probabilities(
    tmp_path: Path, data: Callable[[str], FairDataset], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def two(self: Library, most: int) -> list[Step]:
        return [Step(self.first, 0.5, 0.4), Step(1 - self.first, 0.6, 0.5)]

    monkeypatch.setattr(Library, "best_mean", two)
    run = trainer(tmp_path, data(kind))
    run.hyperparameter_search(n_trials=2, combine="ensemble")
    assert run.search is not None
    assert run.cross_fit is None
    kept = np.stack([np.load(tmp_path / "trials" / f"{number}.npy") for number in (0, 1)])
    run.train()
    assert isinstance(run.model, MeanModel)
    assert is_multi_label(run.model) == (kind == "findings")
    assert run.audits is not None
    np.testing.assert_allclose(run.audits.scores("model", "validation"), kept.mean(axis=0), atol=1e-6)
    run.audit("test", n_boot=0, n_permutations=0)
    run.save_model()
    script = (tmp_path / "average.py").read_text()
    assert ("sigmoid()" in script) == (kind == "findings")
    assert "enumerate(probability.tolist())" in script


@pytest.mark.parametrize("kind", ["findings"])
def test_a_student_learns_every_class(tmp_path: Path, data: Callable[[str], FairDataset], kind: str) -> None:
    run = trainer(tmp_path, data(kind))
    run.hyperparameter_search(n_trials=1, combine="distill")
    run.train()
    scores = run._audits().scores("model", "test")
    assert scores.shape == (len(data(kind)["test"]), len(data(kind).label_names))
    assert scores.min() > 0
    assert not np.allclose(scores.sum(axis=1), 1)


@pytest.mark.parametrize("kind", ["classes", "findings"])
def test_calibration_is_in_the_weights(tmp_path: Path, data: Callable[[str], FairDataset], kind: str) -> None:
    """The calibrated model gives the scores that calibrating its old scores gives."""
    splits = data(kind)
    run = FairTrainer(tiny_vit(num_labels=len(splits.label_names)), arguments(tmp_path), data=splits, method=Full())
    audits = run._audits()
    before = audits.scores("model", "validation")
    assert EDGE < before.min() < before.max() < 1 - EDGE
    audits._scores["old", "validation"] = before
    wanted = audits.calibrate_scores("old")
    found = run.calibrate()
    assert found.applied == (wanted is not None)
    if wanted is not None:
        np.testing.assert_allclose(
            audits.scores("model", "validation"), audits.scores(wanted, "validation"), atol=1e-4
        )
    with torch.no_grad():
        assert run.model.config.problem_type == (MULTI_LABEL if kind == "findings" else "single_label_classification")


@pytest.mark.parametrize("kind", ["classes", "findings"])
def test_without_a_calibration_the_model_stays(tmp_path: Path, data: Callable[[str], FairDataset], kind: str) -> None:
    """Scores of no logits, or of rows of one label, end no run after its training; the reason is kept."""
    splits = data(kind)
    if kind == "findings":
        parts, labels = dict(splits.splits), splits.columns("validation")["labels"]
        parts["validation"] = parts["validation"].select(np.flatnonzero((labels == [1, 0]).all(axis=1)))
        splits = replace(splits, splits=DatasetDict(parts))
    run = FairTrainer(tiny_vit(num_labels=len(splits.label_names)), arguments(tmp_path), data=splits, method=Full())
    scores, before = run._audits().scores("model", "validation"), run.model.classifier.weight.clone()
    run._audits()._scores["model", "validation"] = np.eye(3)[scores.argmax(axis=1)] if kind == "classes" else scores
    found = run.calibrate()
    assert not found.applied
    assert [one.kind for one in found.reasons] == (["no_log_odds"] if kind == "classes" else ["too_few"] * 2)
    assert torch.equal(run.model.classifier.weight, before)
    assert run._audits().calibrate_scores("model") is None


def test_a_class_may_lack_in_validation_and_test(tmp_path: Path, data: Callable[[str], FairDataset]) -> None:
    """It has no threshold and no AUC; the others have theirs."""
    splits = data("classes")
    parts = dict(splits.splits)
    for name in ("validation", "test"):
        labels = splits.columns(name)["labels"]
        parts[name] = parts[name].select(np.flatnonzero(labels != CLASSES.index("nv")))
    run = FairTrainer(
        tiny_vit(num_labels=3), arguments(tmp_path), data=replace(splits, splits=DatasetDict(parts)), method=Full()
    )
    found = {entry.target: entry.audit for entry in run.audit("test", n_boot=20, n_permutations=20)}
    assert run.calibrate().applied in (True, False)
    assert [threshold.policy for threshold in found["nv"].thresholds] == ["argmax"]
    assert [threshold.policy for threshold in found["mel"].thresholds] == ["argmax", "youden"]
    assert np.isnan(found["nv"].auc.value)
    assert np.isfinite(found["mel"].auc.value)
    run.train()
    run.audit("test", n_boot=20, n_permutations=20)
    run.save_model()
    assert "youden, fitted on validation: bkl" in (tmp_path / "README.md").read_text()
