"""Which rows a model scores: only those it has not seen."""

from pathlib import Path

import numpy as np
import pytest
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.data.identity import identify
from hf_fairtune.data.scored_splits import split_rows
from hf_fairtune.data.source import load_source
from hf_fairtune.errors import FairTuneError
from tests.data.conftest import asked, frame_of, write_images, write_table


def rows(path: Path, split: str = "test", file: Path | None = None, cluster: str | None = "patient") -> np.ndarray:
    """The split of every row, by its name; empty where nothing divides the rows."""
    source = load_source(str(path), divided=split != "all")
    found = split_rows(source, identify(source.images, source.root), split, cluster, file)
    return np.empty(0) if found is None else found


@pytest.fixture
def divided(csv: Path, processor: ViTImageProcessorPil) -> tuple[Path, np.ndarray]:
    """The split file of a training, and the rows of its test split."""
    file = csv.parent / "model" / "splits.json"
    data = load_fair_dataset(asked(csv, cluster="patient"), processor, splits_file=file)
    return file, data.columns("test")["row"]


def test_rows_of_the_models_own_test_split(csv: Path, divided: tuple[Path, np.ndarray]) -> None:
    file, test = divided
    np.testing.assert_array_equal(np.flatnonzero(rows(csv, file=file) == "test"), test)
    assert set(rows(csv, "validation", file)) == {"train", "validation", "test"}


def test_all_rows_where_nothing_says_otherwise(csv: Path) -> None:
    assert len(rows(csv)) == 0
    assert len(rows(csv, file=csv.parent / "nowhere.json")) == 0
    with pytest.raises(FairTuneError, match="no row in the validation split, only in test; pass --split"):
        rows(csv, "validation")
    assert set(rows(csv, "all")) == {"all"}


def test_given_splits(tmp_path: Path) -> None:
    frame = frame_of(12).assign(split=["train", "test"] * 6)
    path = write_table(tmp_path / "clinic", frame)
    np.testing.assert_array_equal(rows(path, cluster=None), frame["split"])
    with pytest.raises(FairTuneError, match="6 clusters lie in more than one split .p0, p1, p2, p3, p4 and 1 more"):
        rows(path)
    with pytest.raises(FairTuneError, match="no row in the validation split, only in train, test; pass --split"):
        rows(path, "validation", cluster=None)
    with pytest.raises(FairTuneError, match="`--split` is 'dev'; choose train, validation, test or all"):
        rows(path, "dev")


def test_rows_that_the_split_file_does_not_know(csv: Path, divided: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    """Not known is not unseen: images may have been saved again. Under another path the same are known."""
    file, test = divided
    frame = frame_of(48).assign(file_name=[f"x{i}.png" for i in range(48)])
    np.testing.assert_array_equal(np.flatnonzero(rows(write_table(tmp_path, frame), file=file) == "test"), test)
    other = write_table(tmp_path / "elsewhere", frame[:12])
    write_images(other.parent, list(frame.file_name[:12]), seed=5)
    with pytest.raises(FairTuneError, match="does not know 12 of 12 rows, .* pass --split all if it has seen none"):
        rows(other, file=file)
    assert set(rows(other, "all", file)) == {"all"}
    with pytest.raises(FairTuneError, match=rf"trained or chosen on {48 - len(test)} of 48 rows, by its splits.json"):
        rows(csv, "all", file)


def test_a_part_of_the_table(csv: Path, divided: tuple[Path, np.ndarray]) -> None:
    """The test rows alone, as they were handed on, are known by the file."""
    file, test = divided
    part = csv.with_name("part.csv")
    frame_of(48).iloc[test].to_csv(part, index=False)
    assert set(rows(part, file=file)) == {"test"}
