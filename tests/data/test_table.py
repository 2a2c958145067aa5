"""From flags to three splits and their sheet; what the splits must not hold; a stock Trainer on top."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from transformers import HfArgumentParser, Trainer, TrainingArguments
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

import hf_fairtune.record
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.table import load_fair_dataset
from hf_fairtune.errors import FairTuneError

from ..conftest import tiny_vit
from .conftest import asked, frame_of, write_images

SCHEMA = json.loads(Path(hf_fairtune.record.__file__).with_name("record.schema.json").read_text(encoding="utf-8"))


def test_flags() -> None:
    line = "--dataset d --label dx --positive mel --positive bcc --group sex age:60 --image_size 64"
    (arguments,) = HfArgumentParser(DataArguments).parse_args_into_dataclasses(line.split())
    assert arguments == DataArguments("d", "dx", positive=["mel", "bcc"], group=["sex", "age:60"], image_size=64)
    (again,) = HfArgumentParser(DataArguments).parse_args_into_dataclasses(["--dataset", "d", "--label", "dx"])
    assert again.positive == again.group == []


def test_splits_and_sheet(csv: Path, processor: ViTImageProcessorPil) -> None:
    """The sheet fits the record's schema and counts what the file holds."""
    arguments = asked(csv, label="diagnosis", positive=["melanoma"], group=["sex", "age:50"], cluster="patient")
    fair = load_fair_dataset(arguments, processor)
    sheet = fair.sheet()
    jsonschema.validate(sheet, SCHEMA["properties"]["data"] | {"$defs": SCHEMA["$defs"]})
    assert (sheet["positive_label"], sheet["negative_label"]) == ("melanoma", "nevus")
    assert sheet["group_names"] == ["F & <=50", "F & >50", "M & <=50", "M & >50"] == fair.group_names
    assert (sheet["split_source"], sheet["groups"], sheet["cluster"]) == ("made", ["sex", "age:50"], "patient")
    table = pd.read_csv(csv)
    columns = [fair.columns(split) for split in ("train", "validation", "test")]
    assert sorted(np.concatenate([part["row"] for part in columns])) == list(range(48))
    for name, part in zip(sheet["splits"], columns, strict=True):
        rows = table.iloc[part["row"]]
        assert (rows["label"].to_numpy() == part["labels"]).all()
        assert (rows["patient"].to_numpy() == part["cluster"]).all()
        group = rows["sex"] + np.where(rows["age"] > 50, " & >50", " & <=50")
        assert [fair.group_names[i] for i in part["groups"]] == group.tolist()
        counts = {(c["group"], c["label"]): c["n"] for c in sheet["splits"][name]["cells"] if c["n"]}
        assert counts == dict(pd.Series(1, index=[group, rows["diagnosis"]]).groupby(level=[0, 1]).sum())
        assert sheet["splits"][name]["clusters"] == rows["patient"].nunique()
    assert fair["train"].features["labels"].names == ["nevus", "melanoma"] == fair.label_names
    assert not set(columns[0]["cluster"]) & set(columns[2]["cluster"])


def test_the_hash_follows_the_data(csv: Path, processor: ViTImageProcessorPil) -> None:
    def hashes(**more: object) -> tuple[str, str]:
        sheet = load_fair_dataset(asked(csv, **more), processor, splits_file=csv.parent / "splits.json").sheet()
        return sheet["hash"], sheet["splits"]["test"]["hash"]

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
    first = load_fair_dataset(asked(csv), processor, splits_file=splits).sheet()
    csv.parent.rename(tmp_path / "moved")
    second = load_fair_dataset(asked(tmp_path / "moved" / csv.name), processor, splits_file=splits).sheet()
    assert first["hash"] == second["hash"]
    assert first["splits"] == second["splits"]


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
    sheet = load_fair_dataset(asked(with_splits(csv), cluster="patient"), processor).sheet()
    assert sheet["split_source"] == "given"
    assert [part["n"] for part in sheet["splits"].values()] == [24, 12, 12]


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
