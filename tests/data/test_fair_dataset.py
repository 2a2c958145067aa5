"""From flags to three splits and the facts about them; what the splits must not hold; a stock Trainer on top."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from transformers import HfArgumentParser, Trainer, TrainingArguments
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.data.scored import ScoredSpec, read_scored
from hf_fairtune.document.data import Target
from hf_fairtune.errors import FairTuneError

from ..conftest import tiny_vit
from .conftest import asked, counts_of, frame_of, write_images


def test_flags() -> None:
    line = "--dataset d --label dx --positive mel --positive bcc --group sex age:60 --image_size 64"
    (arguments,) = HfArgumentParser(DataArguments).parse_args_into_dataclasses(line.split())
    assert arguments == DataArguments("d", "dx", positive=["mel", "bcc"], group=["sex", "age:60"], image_size=64)
    (again,) = HfArgumentParser(DataArguments).parse_args_into_dataclasses(["--dataset", "d", "--label", "dx"])
    assert again.positive == again.group == []


def test_splits_and_facts(csv: Path, processor: ViTImageProcessorPil) -> None:
    """The facts count what the file holds, for every attribute alone and their intersection."""
    arguments = asked(csv, label="diagnosis", positive=["melanoma"], group=["sex", "age:50"], cluster="patient")
    fair = load_fair_dataset(arguments, processor)
    facts = fair.facts()
    assert (facts.name, facts.label, facts.task, facts.probability) == ("clinic.csv", "diagnosis", "binary", True)
    assert facts.targets == [Target("melanoma", "nevus")]
    assert fair.group_names == ["F & <=50", "F & >50", "M & <=50", "M & >50"]
    assert (facts.split_source, facts.groups, facts.cluster) == ("made", ["sex", "age:50"], "patient")
    table = pd.read_csv(csv)
    columns = [fair.columns(split) for split in ("train", "validation", "test")]
    assert sorted(np.concatenate([part["row"] for part in columns])) == list(range(48))
    for (name, sheet), part in zip(facts.splits.items(), columns, strict=True):
        rows = table.iloc[part["row"]]
        assert (rows["label"].to_numpy() == part["labels"]).all()
        assert (rows["patient"].to_numpy() == part["cluster"]).all()
        age = np.where(rows["age"] > 50, ">50", "<=50")
        both = rows["sex"] + " & " + age
        assert [fair.group_names[i] for i in part["groups"]] == both.tolist()
        for attribute, groups in zip(sheet.attributes, (rows["sex"], age, both), strict=True):
            oracle = rows["label"].groupby(np.asarray(groups)).agg(["size", "sum"])
            found = {level.group: [level.n, level.positives["melanoma"]] for level in attribute.levels}
            assert found == {group: counts.tolist() for group, counts in oracle.iterrows()}
        cells = counts_of(fair, name)
        assert fair.cells(name).tolist() == [[cells[g, y] for y in ("nevus", "melanoma")] for g in fair.group_names]
        assert (sheet.n, sheet.clusters) == (len(rows), rows["patient"].nunique())
        assert sheet.positives == {"melanoma": rows["label"].sum()}
    assert [part.kind for part in facts.splits["test"].attributes] == ["levels", "cuts", "intersection"]
    assert fair["train"].features["labels"].names == ["nevus", "melanoma"] == fair.label_names
    assert not set(columns[0]["cluster"]) & set(columns[2]["cluster"])


def test_scored_rows_of_a_split(csv: Path, processor: ViTImageProcessorPil) -> None:
    """What an audit of the command would read from a table of the same rows and scores."""
    fair = load_fair_dataset(asked(csv, group=["sex", "age:50"], cluster="patient"), processor)
    draw = np.random.default_rng(0)
    scores, others = draw.random((2, len(fair["test"])))
    found = fair.scored("test", scores, others)
    rows = pd.read_csv(csv).iloc[fair.columns("test")["row"]].assign(p=scores, q=others)
    flags = {"group": ["sex", "age:50"], "cluster": "patient", "reference": ["q"]}
    expected = read_scored(rows, ScoredSpec(["label"], score=["p"], **flags))  # type: ignore[arg-type]
    assert (found.targets, found.task, found.label_name) == (["1"], "binary", "label")
    assert replace(found, targets=["label"]).row_hash == expected.row_hash
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert fair.scored("test", scores[:, None]).reference_scores is None


def test_the_hash_follows_the_data(csv: Path, processor: ViTImageProcessorPil) -> None:
    def hashes(**more: object) -> tuple[str, str]:
        facts = load_fair_dataset(asked(csv, **more), processor, splits_file=csv.parent / "splits.json").facts()
        return facts.hash, facts.splits["test"].hash

    first = hashes()
    frame = pd.read_csv(csv)
    frame[::-1].to_csv(csv, index=False)
    assert hashes() == first
    assert hashes(group=["age:50"])[0] != first[0]
    assert hashes(group=["age:50"])[1] == first[1]
    frame.loc[0, "label"] = 1
    frame.to_csv(csv, index=False)
    assert hashes()[0] != first[0]


def test_the_folder_may_move(csv: Path, tmp_path: Path, processor: ViTImageProcessorPil) -> None:
    splits = tmp_path / "splits.json"
    first = load_fair_dataset(asked(csv), processor, splits_file=splits).facts()
    csv.parent.rename(tmp_path / "moved")
    second = load_fair_dataset(asked(tmp_path / "moved" / csv.name), processor, splits_file=splits).facts()
    assert first.hash == second.hash
    assert first.splits == second.splits


def test_image_size_comes_back_with_the_processor(csv: Path, processor: ViTImageProcessorPil) -> None:
    fair = load_fair_dataset(asked(csv, image_size=24), processor)
    assert fair["test"][0]["pixel_values"].shape == (3, 24, 24)
    assert (fair.processor.size.height, processor.size.height) == (24, 16)


def test_a_repeated_image_stays_in_one_split(tmp_path: Path, processor: ViTImageProcessorPil) -> None:
    frame = pd.concat([frame_of(48)] * 2, ignore_index=True)
    write_images(tmp_path, list(frame_of(48)["file_name"]))
    frame.to_csv(tmp_path / "t.csv", index=False)
    fair = load_fair_dataset(asked(tmp_path / "t.csv"), processor)
    images = [set(fair.columns(split)["row"] % 48) for split in ("train", "validation", "test")]
    assert sum(map(len, images)) == 48


def with_splits(csv: Path, change: dict[str, object] | None = None) -> Path:
    """Give the table splits of 24, 12 and 12 rows, then overwrite some cells: column -> {row: value}."""
    frame = pd.read_csv(csv).astype({"sex": object})
    frame["split"] = ["train"] * 24 + ["val"] * 12 + ["test"] * 12
    for column, cells in (change or {}).items():
        for row, value in cells.items():  # type: ignore[attr-defined]
            frame.loc[row, column] = value
    frame.to_csv(csv, index=False)
    return csv


def test_given_splits(csv: Path, processor: ViTImageProcessorPil) -> None:
    facts = load_fair_dataset(asked(with_splits(csv), cluster="patient"), processor).facts()
    assert facts.split_source == "given"
    assert [part.n for part in facts.splits.values()] == [24, 12, 12]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"patient": {0: "p18"}}, r"1 clusters lie in more than one split \(p18\)"),
        ({"sex": {0: "X", 1: "X", 24: "X", 25: "X"}}, "Group `X` has no row in the test split"),
        (
            {"sex": {0: "X", 1: "X", 24: "X", 25: "X", 37: "X"}},
            r"Group `X` has one class in the test split \(1 `1`, 0 `0`\)",
        ),
        ({"patient": {0: "", 5: " "}}, "`patient` is empty in 2 of 48 rows; give every row its cluster"),
    ],
)
def test_refuses_splits(csv: Path, processor: ViTImageProcessorPil, change: dict[str, object], line: str) -> None:
    with pytest.raises(FairTuneError, match=line) as refusal:
        load_fair_dataset(asked(with_splits(csv, change), cluster="patient"), processor)
    assert "\n" not in str(refusal.value)


def test_refuses_an_image_in_two_given_splits(csv: Path, processor: ViTImageProcessorPil) -> None:
    with pytest.raises(FairTuneError, match="1 images lie in more than one split"):
        load_fair_dataset(asked(with_splits(csv, {"file_name": {0: "047.png"}})), processor)


@pytest.mark.parametrize("flag", ["label", "cluster"])
def test_refuses_an_unknown_column(csv: Path, processor: ViTImageProcessorPil, flag: str) -> None:
    with pytest.raises(
        FairTuneError, match=f"--{flag} dx names no column of the data; the columns are label, diagnosis"
    ):
        load_fair_dataset(asked(csv, **{flag: "dx"}), processor)


def test_a_stock_trainer_steps_and_evaluates(csv: Path, tmp_path: Path, processor: ViTImageProcessorPil) -> None:
    fair = load_fair_dataset(asked(csv), processor)
    arguments = TrainingArguments(
        output_dir=str(tmp_path / "run"),
        max_steps=1,
        per_device_train_batch_size=8,
        remove_unused_columns=False,
        label_names=["labels", "groups"],
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(tiny_vit(), arguments, train_dataset=fair["train"], eval_dataset=fair["validation"])
    drop_groups(trainer)
    assert trainer.train().global_step == 1
    output = trainer.predict(fair["test"])
    labels, groups = output.label_ids
    assert (labels == fair.columns("test")["labels"]).all()
    assert (groups == fair.columns("test")["groups"]).all()


def drop_groups(trainer: Trainer) -> None:
    """Keep the groups for the metrics but out of a forward that does not know them."""
    forward = trainer.model.forward
    trainer.model.forward = lambda groups=None, **inputs: forward(**inputs)
