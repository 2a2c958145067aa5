"""Equal images are found by content, whatever their names and wherever their bytes lie."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset, Features, Image
from hypothesis import given
from hypothesis import strategies as st

from hf_fairtune.data.overlap import shared_images
from hf_fairtune.data.table import FairDataset, load_fair_dataset
from hf_fairtune.errors import FairTuneError
from hf_fairtune.record import Record

from .conftest import asked

CONTENTS = st.lists(st.binary(min_size=1, max_size=3), max_size=12)


def embedded(contents: list[bytes]) -> Dataset:
    """Build a column of images, never decoded, from their bytes."""
    items = [{"bytes": content, "path": None} for content in contents]
    return Dataset.from_dict({"image": items}, features=Features(image=Image(decode=False)))


@given(CONTENTS, CONTENTS)
def test_finds_what_comparing_all_pairs_finds(ours: list[bytes], theirs: list[bytes]) -> None:
    expected = [f"row {i}" for i, content in enumerate(ours) if any(content == other for other in theirs)]
    assert shared_images(embedded(ours), embedded(theirs)) == expected


def test_files_and_embedded_bytes_are_compared(tmp_path: Path) -> None:
    """Of three files of equal size one is a renamed copy, and one has its bytes inside a table."""
    for name, content in {"a.png": b"abcd", "b.png": b"efgh", "c.png": b"ijkl"}.items():
        (tmp_path / name).write_bytes(content)
    shutil.copy(tmp_path / "a.png", tmp_path / "z.png")
    ours = Dataset.from_dict(
        {"image": [str(tmp_path / name) for name in ("a.png", "b.png", "c.png")]},
        features=Features(image=Image(decode=False)),
    )
    copied = Dataset.from_dict({"image": [str(tmp_path / "z.png")]}, features=ours.features)
    assert shared_images(ours, copied) == ["a.png"]
    assert shared_images(ours, embedded([b"ijkl", b"wxyz", b"ab"])) == ["c.png"]


def divided(csv: Path, processor: object, seed: int, folder: Path | None = None, **more: object) -> FairDataset:
    """Divide the table by a seed, and keep the division in a folder."""
    file = folder / "splits.json" if folder else None
    return load_fair_dataset(asked(csv, **more), processor, seed=seed, splits_file=file)


@pytest.mark.parametrize("cluster", [None, "patient"])
def test_a_model_tells_what_it_has_seen_by_its_split_file(
    csv: Path, processor: object, tmp_path: Path, cluster: str | None
) -> None:
    trained = divided(csv, processor, 0, tmp_path / "model", cluster=cluster)
    divided(csv, processor, 0, cluster=cluster).check_unseen(tmp_path / "model")
    other = divided(csv, processor, 1, cluster=cluster)
    seen = {*trained.columns("train")["row"], *trained.columns("validation")["row"]}
    count = sum(row in seen for row in other.columns("test")["row"])
    total = len(other["test"])
    with pytest.raises(FairTuneError, match=rf"has seen {count} of the {total} test rows .*--seed 0, and") as refusal:
        other.check_unseen(tmp_path / "model")
    assert count > 0
    assert "\n" not in str(refusal.value)


def test_other_images_of_a_trained_patient_count(csv: Path, processor: object, tmp_path: Path) -> None:
    """The model was trained without clusters, so that a patient's two images came apart."""
    trained = divided(csv, processor, 0, tmp_path / "model")
    other = divided(csv, processor, 0, cluster="patient")
    patients = pd.read_csv(csv)["patient"].to_numpy()
    rows = np.concatenate([trained.columns(split)["row"] for split in ("train", "validation")])
    count = int(np.isin(patients[other.columns("test")["row"]], patients[rows]).sum())
    with pytest.raises(FairTuneError, match=f"has seen {count} of the"):
        other.check_unseen(tmp_path / "model")


def test_a_record_tells_where_there_is_no_split_file(csv: Path, processor: object, tmp_path: Path) -> None:
    """Of data with given splits a folder keeps hashes only."""
    trained, other = divided(csv, processor, 0), divided(csv, processor, 1)
    Record("train", 0, {}, trained.sheet(), "full").save(tmp_path)
    trained.check_unseen(tmp_path)
    with pytest.raises(FairTuneError, match="was trained on these very data with another test split.* at least"):
        other.check_unseen(tmp_path)


def test_a_given_part_of_the_old_test_split_may_be_unseen(csv: Path, processor: object, tmp_path: Path) -> None:
    frame = pd.read_csv(csv)
    frame["split"] = np.repeat(["train", "validation", "test"], 16)
    frame.to_csv(csv, index=False)
    Record("train", 0, {}, divided(csv, processor, 0).sheet(), "full").save(tmp_path)
    frame["split"] = np.repeat(["train", "validation", "train", "test"], [16, 16, 8, 8])
    frame.to_csv(csv, index=False)
    divided(csv, processor, 0).check_unseen(tmp_path)
    frame["split"] = np.repeat(["train", "test", "validation"], [16, 20, 12])
    frame.to_csv(csv, index=False)
    with pytest.raises(FairTuneError, match="at least 4 of the 20 test rows"):
        divided(csv, processor, 0).check_unseen(tmp_path)


def test_folders_that_tell_nothing(csv: Path, processor: object, tmp_path: Path) -> None:
    """A Hub id, a folder of weights, and the record of other data."""
    data = divided(csv, processor, 1)
    data.check_unseen("google/vit-base-patch16-224")
    data.check_unseen(tmp_path)
    facts = divided(csv, processor, 0).sheet() | {"hash": "other"}
    Record("train", 0, {}, facts, "full").save(tmp_path)
    data.check_unseen(tmp_path)
