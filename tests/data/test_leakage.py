"""Rows seen twice: copied images, rows of a trained model, rows that thresholds are fitted on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.data.leakage import refuse_shared
from hf_fairtune.data.scored import ScoredSpec, read_scored
from hf_fairtune.data.scored_table import ScoredTable
from hf_fairtune.document.data import Data
from hf_fairtune.document.document import Document
from hf_fairtune.errors import FairTuneError

from .conftest import asked


def divided(csv: Path, processor: object, seed: int, folder: Path | None = None, **more: object) -> FairDataset:
    """Divide the table by a seed, and keep the division in a folder."""
    file = folder / "splits.json" if folder else None
    return load_fair_dataset(asked(csv, **more), processor, seed=seed, splits_file=file)


@pytest.mark.parametrize("cluster", [None, "patient"])
def test_a_split_file_says_what_a_model_has_seen(
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


def save(data: Data, folder: Path) -> None:
    """Leave what a run leaves that had no split file."""
    Document("train", data, "full", []).save(folder)


def test_a_document_says_it_where_there_is_no_split_file(csv: Path, processor: object, tmp_path: Path) -> None:
    """Of data with given splits a folder keeps hashes only."""
    trained, other = divided(csv, processor, 0), divided(csv, processor, 1)
    save(trained.facts(), tmp_path)
    trained.check_unseen(tmp_path)
    with pytest.raises(FairTuneError, match="was trained on these very data with another test split.* at least"):
        other.check_unseen(tmp_path)


def test_a_given_part_of_the_old_test_split_may_be_unseen(csv: Path, processor: object, tmp_path: Path) -> None:
    frame = pd.read_csv(csv)
    frame["split"] = np.repeat(["train", "validation", "test"], 16)
    frame.to_csv(csv, index=False)
    save(divided(csv, processor, 0).facts(), tmp_path)
    frame["split"] = np.repeat(["train", "validation", "train", "test"], [16, 16, 8, 8])
    frame.to_csv(csv, index=False)
    divided(csv, processor, 0).check_unseen(tmp_path)
    frame["split"] = np.repeat(["train", "test", "validation"], [16, 20, 12])
    frame.to_csv(csv, index=False)
    with pytest.raises(FairTuneError, match="at least 4 of the 20 test rows"):
        divided(csv, processor, 0).check_unseen(tmp_path)


def test_a_shared_document_rounds_its_sizes(csv: Path, processor: object, tmp_path: Path) -> None:
    """The model of a Hub folder: the hashes are exact, and the sizes say no more than "at least one row"."""
    facts = divided(csv, processor, 0).facts()
    facts.splits["test"] = replace(facts.splits["test"], n="<8")
    document = Document("train", facts, "full", [], shared="rates")
    document.save(tmp_path)
    divided(csv, processor, 0).check_unseen(tmp_path)
    with pytest.raises(FairTuneError, match="has seen at least 1 of the"):
        divided(csv, processor, 1).check_unseen(tmp_path)


def test_folders_that_say_nothing(csv: Path, processor: object, tmp_path: Path) -> None:
    """A Hub id, a folder of weights, and the document of other data."""
    data = divided(csv, processor, 1)
    data.check_unseen("google/vit-base-patch16-224")
    data.check_unseen(tmp_path)
    save(replace(divided(csv, processor, 0).facts(), hash="other"), tmp_path)
    data.check_unseen(tmp_path)


def frame(n: int, seed: int, digits: int = 15) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    scores = np.round(random.beta(2, 2, n), digits)
    return pd.DataFrame({"y": labels, "p": scores, "sex": random.choice(["F", "M"], n), "id": np.arange(n) + seed * n})


def scored(table: pd.DataFrame, cluster: str | None = None) -> ScoredTable:
    return read_scored(table, ScoredSpec(["y"], score=["p"], group=["sex"], cluster=cluster))


@pytest.mark.parametrize("digits", [1, 2, 3, 15])
@pytest.mark.parametrize("sizes", [(400, 400), (4000, 300), (100, 2000)])
def test_other_patients_pass_whatever_the_digits(digits: int, sizes: tuple[int, int]) -> None:
    refuse_shared(scored(frame(sizes[0], 0, digits)), scored(frame(sizes[1], 1, digits)))


def test_copies_and_parts_are_refused() -> None:
    whole = frame(400, 0)
    for audited, fitted in ((whole, whole[1:]), (whole[:200], whole), (whole, whole[::3]), (whole, whole[::-1])):
        with pytest.raises(FairTuneError, match="have the labels and scores of audited rows"):
            refuse_shared(scored(audited), scored(fitted))


def test_no_cluster_is_in_both() -> None:
    """Other images of one patient are refused, although no row is the same."""
    one, two = frame(100, 0), frame(100, 1)
    refuse_shared(scored(one, "id"), scored(two, "id"))
    two.loc[7, "id"] = 42
    with pytest.raises(FairTuneError, match=r"^clusters of audited rows are among those for thresholds, too \(42\)"):
        refuse_shared(scored(one, "id"), scored(two, "id"))
