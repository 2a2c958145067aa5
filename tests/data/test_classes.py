"""Several classes or findings: what a label column means without --positive, splits and draws by class, test sets."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import HfArgumentParser
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.balance import balanced_rows
from hf_fairtune.data.classes import PATTERN, class_codes, trained_labels, training_targets
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.data.scored import ScoredSpec, read_scored
from hf_fairtune.document.data import Reading, Target
from hf_fairtune.errors import FairTuneError

from .conftest import asked, frame_of, write_images, write_table

CLASSES = ["bcc", "mel", "nv"]


def clinic(n: int = 90, name: str = "p") -> pd.DataFrame:
    """List rows of three classes, and of two findings of which some are not known."""
    i = np.arange(n)
    frame = frame_of(n).assign(
        dx=np.array(["nv", "nv", "mel", "bcc", "nv"])[i // 2 % 5], patient=[f"{name}{k}" for k in i]
    )
    unknown = np.where(i % 9 == 0, np.nan, (i // 3 % 2).astype(float))
    return frame.assign(effusion=i // 2 % 2, nodule=unknown)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path / "three", clinic(), "three.csv")


def load(table: Path, processor: Any, **more: object) -> FairDataset:
    return load_fair_dataset(asked(table, **more), processor)


def test_label_is_a_text_or_a_list() -> None:
    line = "--dataset d --label a b --label c --group sex"
    (arguments,) = HfArgumentParser(DataArguments).parse_args_into_dataclasses(line.split())
    assert arguments.label == ["a", "b", "c"]
    assert DataArguments("d", "dx", group=["sex"]) == DataArguments("d", ["dx"], group=["sex"])


@pytest.mark.parametrize(
    ("values", "positive", "task", "names"),
    [
        ("nv mel bcc nv", [], "multiclass", CLASSES),
        ("nv mel bcc nv", ["mel"], "binary", ["mel"]),
        ("0 1 2", [], "multiclass", ["0", "1", "2"]),
        ("a a|b b", [], "multilabel", ["a", "b"]),
        ("0 1 1", [], "binary", ["1"]),
    ],
)
def test_what_a_column_means(values: str, positive: list[str], task: str, names: list[str]) -> None:
    found = training_targets(pd.DataFrame({"dx": values.split()}), ["dx"], positive)
    assert (found.task, found.names) == (task, names)


def test_two_values_and_many_are_asked_about() -> None:
    for values in (["benign", "malignant"], [f"id{k}" for k in range(200)]):
        with pytest.raises(FairTuneError, match="nothing says which mean disease; pass --positive"):
            training_targets(pd.DataFrame({"dx": values}), ["dx"])


def test_classes_are_codes_and_stay_alike_in_splits(table: Path, processor: ViTImageProcessorPil) -> None:
    fair, frame = load(table, processor, label="dx", cluster="patient"), pd.read_csv(table)
    assert (fair.task, fair.label_names) == ("multiclass", CLASSES)
    assert fair.facts().targets == [Target(name) for name in CLASSES]
    shares = frame["dx"].value_counts(normalize=True)
    for split in ("train", "validation", "test"):
        columns = fair.columns(split)
        rows = frame.iloc[columns["row"]]
        assert [CLASSES[code] for code in columns["labels"]] == rows["dx"].tolist()
        oracle = pd.crosstab(rows["sex"], rows["dx"])[CLASSES]
        assert fair.cells(split).tolist() == oracle.to_numpy().tolist()
        assert fair.facts().splits[split].positives == rows["dx"].value_counts().to_dict()
        for name in CLASSES:
            assert (rows["dx"] == name).mean() == pytest.approx(shares[name], abs=0.05)
    assert fair["train"].features["labels"].names == CLASSES
    assert fair["train"][0]["labels"].dtype == torch.int64
    scores = np.random.default_rng(0).random((len(fair["test"]), 3))
    scored = fair.scored("test", scores)
    assert (scored.targets, scored.chosen.tolist()) == (CLASSES, scores.argmax(axis=1).tolist())


def test_findings_that_are_not_known_are_counted_and_nan(table: Path, processor: ViTImageProcessorPil) -> None:
    fair, frame = load(table, processor, label=["effusion", "nodule"]), pd.read_csv(table)
    assert (fair.task, fair.label_names) == ("multilabel", ["effusion", "nodule"])
    assert Reading("nodule", "", "missing", int(frame["nodule"].isna().sum())) in fair.facts().readings
    for split in ("train", "validation", "test"):
        columns = fair.columns(split)
        rows = frame.iloc[columns["row"]]
        wanted = rows[["effusion", "nodule"]].to_numpy(np.float32)
        np.testing.assert_array_equal(columns["labels"], wanted)
        assert fair.facts().splits[split].positives["nodule"] == (rows["nodule"] == 1).sum()
        own = fair.cases(split)
        for group, sex in enumerate(("F", "M")):
            known = rows.loc[rows["sex"] == sex, "nodule"]
            assert own[group, 1].tolist() == [(known == 0).sum(), (known == 1).sum()]
    batch = fair["train"][:3]["labels"]
    assert (batch.dtype, tuple(batch.shape)) == (torch.float32, (3, 2))


def test_an_audit_leaves_out_rows_that_are_not_known() -> None:
    frame = clinic()
    spec = ScoredSpec(["effusion", "nodule"], ["a", "b"], group=["sex"])
    scores = np.random.default_rng(0).random((len(frame), 2))
    found = read_scored(frame.assign(a=scores[:, 0], b=scores[:, 1]), spec)
    known = found.known(1)
    assert (known.labels[:, 1] == frame["nodule"].dropna()).all()
    np.testing.assert_array_equal(known.scores, scores[frame["nodule"].notna()])
    assert found.known(0) is found


def test_rare_patterns_of_findings_are_one_class() -> None:
    frame = pd.DataFrame(
        {"a": [1] * 30 + [0] * 30 + [1, 0], "b": [0] * 30 + [1] * 30 + [1, 0], "sex": ["F", "M"] * 31}
    )
    scored = read_scored(frame.assign(p=0.5, q=0.5), ScoredSpec(["a", "b"], ["p", "q"], group=["sex"]))
    codes = class_codes(scored)
    assert sorted(np.bincount(codes).tolist()) == [2, 30, 30]
    assert 2 < PATTERN < 30
    assert codes[-1] == codes[-2]
    assert trained_labels(scored).tolist() == frame[["a", "b"]].to_numpy().tolist()


def test_draws_keep_classes_that_a_group_lacks() -> None:
    labels = np.repeat([0, 1, 2, 0, 1], [6, 4, 3, 8, 5])
    groups = np.repeat([0, 1], [13, 13])
    for replacement, wanted in ((False, [[6, 4, 3], [6, 4, 0]]), (True, [[6, 4, 3], [6, 4, 0]])):
        chosen = balanced_rows(labels, groups, replacement=replacement)
        counts = np.zeros((2, 3), dtype=int)
        np.add.at(counts, (groups[chosen], labels[chosen]), 1)
        assert counts.tolist() == wanted


def test_subset_folds_and_external_set_are_by_class(table: Path, processor: ViTImageProcessorPil) -> None:
    for label in ("dx", ["effusion", "nodule"]):
        fair = load(table, processor, label=label)
        assert (fair.subset(0.5).cells("train") >= fair.cells("train") // 2 - 2).all()
        first, second = fair.folds(2)
        assert np.abs(first.cells("validation") - second.cells("validation")).max() <= 3
        assert len(fair.with_external()["external"]) > 0


def test_a_test_set_may_lack_a_class_but_not_bring_one(
    table: Path, processor: ViTImageProcessorPil, tmp_path: Path
) -> None:
    fair = load(table, processor, label="dx")
    other = clinic(40, "q").query("dx != 'bcc'").assign(file_name=lambda own: "other" + own["file_name"])
    folder = write_table(tmp_path / "other", other, "other.csv")
    write_images(folder.parent, list(other["file_name"]), seed=1)
    found = fair.with_test_set("clinic_b", asked(folder, label="dx"))
    assert found.cells("clinic_b").sum(axis=0).tolist()[0] == 0
    assert found["clinic_b"].features["labels"].names == CLASSES
    other.assign(dx=other["dx"].replace("mel", "df")).to_csv(folder, index=False)
    with pytest.raises(FairTuneError, match="has the values df, which the main data lack"):
        fair.with_test_set("clinic_b", asked(folder, label="dx"))


def test_a_class_without_training_rows_cannot_be_learnt(processor: ViTImageProcessorPil, tmp_path: Path) -> None:
    split = np.array(["train", "validation", "test"])[np.arange(90) % 3]
    frame = clinic().assign(split=split)
    frame.loc[(frame["dx"] == "bcc"), "split"] = "test"
    with pytest.raises(FairTuneError, match="`bcc` has 0 rows with it and .* in the train split, so that it cannot"):
        load(write_table(tmp_path / "given", frame, "given.csv"), processor, label="dx")
