"""Real dermatoscopy and phone photographs: counts, clusters, and the processor's result, against the tables."""

import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import torch
from datasets import Image as ImageFeature
from transformers import AutoImageProcessor
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune.data.attributes import read_attributes
from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.errors import FairTuneError

from .conftest import asked, counts_of

# The folder builder of `datasets` leaves its metadata file for the garbage collector to close.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}


def test_ham10000(real_data: Path, tmp_path: Path) -> None:
    arguments = asked(real_data / "ham10000", group=["age:60"], cluster="patient_id", image_size=64)
    file = tmp_path / "splits.json"
    fair = load_fair_dataset(arguments, ViTImageProcessorPil(), splits_file=file)
    table = pd.read_csv(real_data / "ham10000" / "metadata.csv")
    bins = table["age"].le(60).map({True: "<=60", False: ">60"})
    oracle = Counter(zip(bins, table["label"].astype(str), strict=True))
    found: Counter[tuple[str, str]] = Counter()
    for name in fair.facts().splits:
        cells = counts_of(fair, name)
        found.update(cells)
        for cell, n in cells.items():
            assert n / oracle[cell] == pytest.approx(SHARES[name], abs=0.03)
    assert found == oracle
    assert sum(found[group, "1"] for group in ("<=60", ">60")) == 300
    clusters = [set(fair.columns(split)["cluster"]) for split in SHARES]
    assert len(set.union(*clusters)) == sum(map(len, clusters)) == table["patient_id"].nunique()
    assert load_fair_dataset(arguments, ViTImageProcessorPil(), seed=1, splits_file=file).facts() == fair.facts()
    check_pixels(real_data, fair)


def check_pixels(real_data: Path, fair: object) -> None:
    """The first test images are what the saved processor makes of the original files."""
    folder = real_data / "ham10000"
    stock = ViTImageProcessorPil(size={"height": 64, "width": 64})
    names = sorted(pd.read_csv(folder / "metadata.csv")["file_name"])
    test = fair["test"]  # type: ignore[index]
    for index in range(5):
        row = fair.columns("test")["row"][index]  # type: ignore[attr-defined]
        image = ImageFeature().decode_example({"path": str(folder / names[row]), "bytes": None})
        expected = stock(image, return_tensors="pt")["pixel_values"][0]
        torch.testing.assert_close(test[index]["pixel_values"], expected, rtol=0, atol=1e-5)


def test_pad_ufes_keeps_missing_sex_as_a_level(real_data: Path) -> None:
    """Every cancer has a sex recorded: `missing` has one class, which is refused only where it is to be compared."""
    table = pd.read_csv(real_data / "pad_ufes" / "metadata.csv")
    (groups,), _ = read_attributes(table, ["sex"])
    counts = Counter(groups.names[i] for i in groups.values)
    assert counts == {"F": 290, "M": 228, "missing": 331}
    with pytest.raises(FairTuneError, match=r"Group `missing` has one class in the train split \(0 `1`, \d+ `0`\)"):
        load_fair_dataset(
            asked(real_data / "pad_ufes", cluster="patient_id", include=["missing"]), ViTImageProcessorPil()
        )
    data = load_fair_dataset(asked(real_data / "pad_ufes", cluster="patient_id"), ViTImageProcessorPil())
    assert data.left_out("validation") == ["missing"]
    assert "missing" in data.groups_of("validation")


def test_pad_ufes_patients_have_several_images(real_data: Path) -> None:
    arguments = asked(real_data / "pad_ufes", group=["age:60"], cluster="patient_id", image_size=32)
    fair = load_fair_dataset(arguments, ViTImageProcessorPil())
    assert sum(len(set(fair.columns(split)["cluster"])) for split in SHARES) == 663
    sizes = {split: sum(counts_of(fair, split).values()) for split in SHARES}
    assert sum(sizes.values()) == 849
    for name, n in sizes.items():
        assert n / 849 == pytest.approx(SHARES[name], abs=0.03)


def cells_of(table: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Count group at 60 years x label, from the table itself."""
    bins = table["age"].le(60).map({True: "<=60", False: ">60"})
    return dict(Counter(zip(bins, table["label"].astype(str), strict=True)))


def test_phone_photographs_test_a_model_of_dermatoscopy(real_data: Path, real_weights: Path) -> None:
    """Balanced HAM10000 to repair on, the whole of PAD-UFES to test on, through a CNN's resize and crop."""
    processor = AutoImageProcessor.from_pretrained(real_weights / "mobilenet-v2-1.0-224", backend="pil")
    flags = {"group": ["age:60"], "cluster": "patient_id", "image_size": 56}
    fair = load_fair_dataset(asked(real_data / "ham10000", **flags), processor)
    fair = fair.with_external().with_test_set("phone", asked(real_data / "pad_ufes", **flags))
    assert (fair.image_size, fair.test_splits) == (56, ["test", "phone"])
    train = counts_of(fair, "train")
    rarest = {label: min(train[group, label] for group in ("<=60", ">60")) for label in "01"}
    assert counts_of(fair, "external") == {(g, y): rarest[y] for g in ("<=60", ">60") for y in "01"}
    table = pd.read_csv(real_data / "pad_ufes" / "metadata.csv").sort_values("file_name", ignore_index=True)
    assert counts_of(fair, "phone") == cells_of(table)
    rows = fair.columns("phone")["row"]
    assert (fair.columns("phone")["cluster"] == table["patient_id"].to_numpy()[rows]).all()
    for index in range(3):
        path = str(real_data / "pad_ufes" / table["file_name"][rows[index]])
        image = ImageFeature().decode_example({"path": path, "bytes": None})
        expected = fair.processor(image, return_tensors="pt")["pixel_values"][0]
        torch.testing.assert_close(fair["phone"][index]["pixel_values"], expected, rtol=0, atol=1e-5)


def test_renamed_training_images_are_noticed_among_phone_photographs(real_data: Path, tmp_path: Path) -> None:
    """Three lesions of HAM10000 under other names and patients, in a clinic's folder of its own."""
    flags = {"group": ["age:60"], "cluster": "patient_id", "image_size": 16}
    fair = load_fair_dataset(asked(real_data / "ham10000", **flags), ViTImageProcessorPil())
    phone = pd.read_csv(real_data / "pad_ufes" / "metadata.csv").head(60)
    ham = pd.read_csv(real_data / "ham10000" / "metadata.csv").set_index("patient_id")
    names = [Path(name).name for name in phone["file_name"]]
    folder = tmp_path / "phone"
    folder.mkdir()
    for name in names:
        shutil.copy(real_data / "pad_ufes" / "images" / name, folder / name)
    phone.assign(file_name=names).to_csv(folder / "metadata.csv", index=False)
    assert len(fair.with_test_set("phone", asked(folder, **flags))["phone"]) == 60
    for name, patient in zip(names[:3], fair.columns("train")["cluster"], strict=False):
        shutil.copy(real_data / "ham10000" / ham["file_name"][patient], folder / name)
    with pytest.raises(FairTuneError, match="Test set `phone` shares 3 images with the training or validation data"):
        fair.with_test_set("phone", asked(folder, **flags))
