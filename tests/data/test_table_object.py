"""Objects of `datasets` in place of a file: the same splits, rows and pixels."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Image, load_dataset
from transformers import ViTImageProcessorPil

from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.errors import FairTuneError
from tests.data.conftest import asked, frame_of, write_table

ARGUMENTS = DataArguments("the clinic's", label="label", group=["sex"], cluster="patient")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_table(tmp_path / "images", frame_of(48)).parent


def pixels(data: Any, split: str) -> torch.Tensor:
    return data.plain(split)[:]["pixel_values"]


@pytest.mark.parametrize("way", ["imagefolder", "paths", "embedded", "shuffled", "formatted"])
def test_an_object_equals_its_folder(folder: Path, processor: ViTImageProcessorPil, way: str) -> None:
    """With images as files, as paths or in memory, in another order, or under a transform of the user's own."""
    wanted = load_fair_dataset(asked(folder, cluster="patient"), processor)
    table = load_dataset("imagefolder", data_files={"train": str(folder / "**")}, split="train")
    if way == "paths":
        frame = frame_of(48)
        table = Dataset.from_pandas(frame.assign(file_name=[str(folder / name) for name in frame["file_name"]]))
    elif way == "embedded":
        columns = {**table.to_dict(), "image": [image.copy() for image in table["image"]]}
        table = Dataset.from_dict(columns, features=table.features)
    elif way == "shuffled":
        table = table.shuffle(seed=1)
    elif way == "formatted":
        table.set_transform(lambda rows: {"nothing": rows["label"]})
    found = load_fair_dataset(ARGUMENTS, processor, table=table)
    assert found.facts().name == "the clinic's"
    counts = [[len(data[split]) for split in ("train", "validation", "test")] for data in (found, wanted)]
    assert counts[0] == counts[1]
    if way not in ("shuffled", "embedded"):
        # Units are ranked by what names their images, which embedding changes.
        for split in ("train", "test"):
            assert torch.equal(pixels(found, split), pixels(wanted, split))
            np.testing.assert_array_equal(found.columns(split)["labels"], wanted.columns(split)["labels"])


def test_splits_of_a_dict_are_kept(folder: Path, processor: ViTImageProcessorPil) -> None:
    table = load_dataset("imagefolder", data_files={"train": str(folder / "**")}, split="train")
    table = table.cast_column("label", ClassLabel(names=["benign", "malignant"])).cast_column("image", Image())
    cut = {"train": range(24), "test": range(24, 36), "valid": range(36, 48)}
    parts = DatasetDict({name: table.select(rows) for name, rows in cut.items()})
    arguments = replace(ARGUMENTS, positive=["malignant"])
    found = load_fair_dataset(arguments, processor, table=parts)
    assert found.facts().split_source == "given"
    assert [len(found[split]) for split in ("train", "validation", "test")] == [24, 12, 12]
    assert found.label_names == ["benign", "malignant"]
    np.testing.assert_array_equal(found.columns("test")["row"], range(24, 36))
    np.testing.assert_array_equal(found.columns("test")["labels"], parts["test"]["label"][:])


def test_a_test_set_may_be_an_object(folder: Path, processor: ViTImageProcessorPil) -> None:
    table = load_dataset("imagefolder", data_files={"train": str(folder / "**")}, split="train")
    data = load_fair_dataset(ARGUMENTS, processor, table=table.select(range(40)))
    more = data.with_test_set("late", replace(ARGUMENTS, dataset="later"), table.select(range(40, 48)))
    assert more.facts().test_sets == {"late": "later"}
    np.testing.assert_array_equal(more.columns("late")["labels"], table["label"][40:])


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda table: table.to_iterable_dataset(), "`table` is of type IterableDataset; give a Dataset or a Dat"),
        (lambda table: DatasetDict(train=table.select([])), "`table` has no rows"),
        (lambda table: {"train": table.to_pandas()}, "`table` is of type DataFrame; give a Dataset"),
        (lambda table: table.remove_columns("file_name"), "No column holds images; the columns are"),
    ],
)
def test_what_is_no_table_is_one_line(processor: ViTImageProcessorPil, made: Any, message: str) -> None:
    with pytest.raises(FairTuneError) as refused:
        load_fair_dataset(ARGUMENTS, processor, table=made(Dataset.from_pandas(frame_of(8))))
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_a_name_may_be_that_of_a_file(folder: Path, processor: ViTImageProcessorPil) -> None:
    """The object counts, and no file is looked for."""
    table = load_dataset("imagefolder", data_files={"train": str(folder / "**")}, split="train")
    name = str(folder / "metadata.csv")
    arguments = DataArguments(name, label="label", group=["sex"])
    found = load_fair_dataset(arguments, processor, table=table.select(range(40)))
    assert len(found["train"]) == 24
    assert found.facts().name == "metadata.csv"
