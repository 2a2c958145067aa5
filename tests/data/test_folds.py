"""Folds of train and validation: every labelled row once, no test row, patients whole."""

from pathlib import Path

import numpy as np
import pytest
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune import FairTuneError
from hf_fairtune.data.augmentations import Crop
from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.data.transform import transform_of

from .conftest import asked


def test_every_labelled_row_is_left_out_once(csv: Path, processor: ViTImageProcessorPil) -> None:
    fair = load_fair_dataset(asked(csv, cluster="patient"), processor)
    test = {*fair.columns("test")["row"].tolist()}
    labelled = sorted([*fair.columns("train")["row"].tolist(), *fair.columns("validation")["row"].tolist()])
    folds, seen = fair.folds(3, seed=1), list[int]()
    for fold in folds:
        train, left = (fold.columns(name) for name in ("train", "validation"))
        seen += left["row"].tolist()
        assert sorted([*train["row"].tolist(), *left["row"].tolist()]) == labelled
        assert not test & {*train["row"].tolist(), *left["row"].tolist()}
        assert not {*train["cluster"].tolist()} & {*left["cluster"].tolist()}
        # Labels and groups are alike: half of each, give or take a patient.
        counts = fold.cells("validation")
        assert counts.max() - counts.min() <= 2
        assert fold["validation"][0]["pixel_values"].shape == (3, 16, 16)
        assert {*fold.splits} == {*fold.facts().splits} == {"train", "validation"}
    assert sorted(seen) == labelled


def test_folds_train_as_train_is_and_score_as_validation_is(csv: Path, processor: ViTImageProcessorPil) -> None:
    fair = load_fair_dataset(asked(csv, smallest_crop=0.5), processor)
    (first, *_), (again, *_), (other, *_) = fair.folds(3), fair.folds(3), fair.folds(3, seed=1)
    assert [transform_of(first[name]).augmentation for name in ("train", "validation")] == [Crop(0.5), None]
    rows = [part.columns("validation")["row"] for part in (first, again, other)]
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_a_fold_that_lacks_a_class_of_a_group_is_named(csv: Path, processor: ViTImageProcessorPil) -> None:
    fair = load_fair_dataset(asked(csv), processor)
    with pytest.raises(FairTuneError, match=r"Group `\w+` has one class in fold 1 of 60 .+ take fewer folds"):
        fair.folds(60)
