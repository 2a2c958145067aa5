"""Test sets from elsewhere: their names, their tables, and what they must not share with the main data."""

import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset, Features, Image, Value
from PIL import Image as Pillow
from transformers import HfArgumentParser
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.data.testsets import TestSetArguments, parse_test_sets
from hf_fairtune.errors import FairTuneError

from .conftest import asked, counts_of, frame_of, write_images, write_table


def test_flag() -> None:
    parser = HfArgumentParser(TestSetArguments)
    (arguments,) = parser.parse_args_into_dataclasses(["--test", "b=x/b", "--test", "c=org/c", "d=s3=d"])
    assert parse_test_sets(arguments.test) == {"b": "x/b", "c": "org/c", "d": "s3=d"}
    assert parser.parse_args_into_dataclasses([])[0].test == []


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("clinic", "--test clinic is not NAME=PATH; write e.g. --test clinic_b="),
        ("=x", "--test =x is not NAME=PATH"),
        ("b= ", "--test b=  is not NAME=PATH"),
        ("test=x", "`test` is that of a split of the main data"),
        ("external=x", "`external` is that of a split"),
        ("a b=x", "`a b` is not made of letters, digits"),
        ("../a=x", "`../a` is not made of letters"),
        ("é=x", "`é` is not made of letters"),
    ],
)
def test_refuses_a_name(value: str, line: str) -> None:
    with pytest.raises(FairTuneError, match=line) as refusal:
        parse_test_sets([value])
    assert "\n" not in str(refusal.value)


def test_refuses_two_sets_of_one_name() -> None:
    with pytest.raises(FairTuneError, match="Two test sets have the name `b`") as refusal:
        parse_test_sets(["b=x", "b=y"])
    assert "\n" not in str(refusal.value)


@pytest.fixture
def fair(csv: Path, processor: ViTImageProcessorPil) -> FairDataset:
    return load_fair_dataset(asked(csv, cluster="patient"), processor)


def other_frame(n: int = 24) -> pd.DataFrame:
    """List n rows whose patients are others than those of `frame_of`."""
    frame = frame_of(n)
    return frame.assign(patient=[f"q{k // 2}" for k in range(n)], sex=frame["sex"].replace("F", "X"))


def other_clinic(folder: Path, frame: pd.DataFrame) -> Path:
    """Write a table beside images that no other table has."""
    write_images(folder, list(frame["file_name"]), seed=7)
    frame.to_csv(folder / "other.csv", index=False)
    return folder / "other.csv"


def test_the_whole_table_is_one_split(fair: FairDataset, tmp_path: Path) -> None:
    """Its own groups, counts and pixels; the main data and the facts about them stay."""
    frame = other_frame().assign(split="test")
    both = fair.with_test_set("clinic_b", asked(other_clinic(tmp_path / "b", frame), cluster="patient"))
    assert both.test_splits == ["test", "clinic_b"]
    assert (both.groups_of("clinic_b"), both.groups_of("test"), both.group_names) == (["M", "X"], *[["F", "M"]] * 2)
    columns = both.columns("clinic_b")
    assert columns["row"].tolist() == list(range(24))
    assert (columns["labels"] == frame["label"]).all()
    assert [both.groups_of("clinic_b")[i] for i in columns["groups"]] == frame["sex"].tolist()
    assert both.columns("clinic_b")["cluster"].tolist() == frame["patient"].tolist()
    stock = fair.processor(Pillow.open(tmp_path / "b" / "005.png"), return_tensors="pt")["pixel_values"][0]
    for split in (both["clinic_b"], both.plain("clinic_b")):
        torch.testing.assert_close(split[5]["pixel_values"], stock, rtol=0, atol=1e-5)
    facts = both.facts()
    assert facts.test_sets == {"clinic_b": "other.csv"}
    part = facts.splits["clinic_b"]
    assert (part.n, part.clusters) == (24, 12)
    oracle = frame.astype({"label": str}).groupby(["sex", "label"]).size().to_dict()
    assert counts_of(both, "clinic_b") == oracle
    assert both.cells("clinic_b").tolist() == [[oracle[g, y] for y in "01"] for g in ("M", "X")]
    assert both.scored("clinic_b", np.zeros(24)).attributes[0].names == ["M", "X"]
    del facts.splits["clinic_b"]
    assert replace(facts, test_sets={}) == fair.facts()
    assert fair.test_splits == ["test"]


def test_external_is_balanced_train_with_augmentation(csv: Path, processor: ViTImageProcessorPil) -> None:
    fair = load_fair_dataset(asked(csv, group=["age:37"], cluster="patient"), processor)
    full, half = fair.with_external(seed=1), fair.with_external(seed=1, fraction=0.5)
    train, external = fair.columns("train"), full.columns("external")
    assert set(half.columns("external")["row"]) < set(external["row"]) < set(train["row"])
    cells = [(g, y) for g in (0, 1) for y in (0, 1)]
    pairs = [list(zip(part["groups"], part["labels"], strict=True)) for part in (external, train)]
    counts, pool = ({cell: part.count(cell) for cell in cells} for part in pairs)
    assert counts == {(g, y): min(pool[0, y], pool[1, y]) for g, y in cells}
    part = full.facts().splits["external"]
    assert (part.n, part.clusters) == (len(external["row"]), len(set(external["cluster"])))
    assert part.hash != half.facts().splits["external"].hash
    assert list(counts_of(full, "external").values()) == list(counts.values())
    assert "external" not in fair.facts().splits
    assert full.test_splits == ["test"]
    augmented, plain = full["external"][:2]["pixel_values"], full.plain("external")[:2]["pixel_values"]
    assert not torch.equal(augmented, plain)
    first = int(np.flatnonzero(train["row"] == external["row"][0])[0])
    assert torch.equal(plain[0], fair.plain("train")[first]["pixel_values"])


def test_external_with_replacement_counts_rows_as_often_as_drawn(csv: Path, processor: ViTImageProcessorPil) -> None:
    fair = load_fair_dataset(asked(csv, group=["age:37"]), processor).with_external(replacement=True)
    rows = fair.columns("external")["row"]
    assert fair.facts().splits["external"].n == len(rows) > len(set(rows))


def test_several_test_sets_and_an_external_set(fair: FairDataset, tmp_path: Path) -> None:
    path = other_clinic(tmp_path / "b", other_frame())
    more = fair.with_test_set("b", asked(path, cluster="patient")).with_external()
    more = more.with_test_set("c", asked(path, cluster="patient"))
    assert more.test_splits == ["test", "b", "c"]
    assert list(more.facts().splits) == ["train", "validation", "test", "b", "external", "c"] == list(more.splits)
    with pytest.raises(FairTuneError, match="Two test sets have the name `b`"):
        more.with_test_set("b", asked(path, cluster="patient"))


def test_image_size_is_that_of_the_pixels(csv: Path) -> None:
    cropped = ViTImageProcessorPil(size={"height": 20, "width": 30})
    assert load_fair_dataset(asked(csv), cropped).image_size == 20


def test_groups_may_be_fewer(csv: Path, processor: ViTImageProcessorPil, tmp_path: Path) -> None:
    """A clinic of women still has its two ages; one group alone is refused."""
    fair = load_fair_dataset(asked(csv, group=["sex", "age:44"]), processor)
    path = other_clinic(tmp_path / "b", other_frame().assign(sex="F"))
    more = fair.with_test_set("women", asked(path, group=["sex", "age:44"]))
    assert more.groups_of("women") == ["F & <=44", "F & >44"]
    with pytest.raises(FairTuneError, match=r"Test set `women`: `sex` puts all 24 rows in one group \(F\)"):
        fair.with_test_set("women", asked(path, group=["sex"]))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"label": 0}, "Test set `b`: `label` has one value .0.; two classes are needed"),
        ({"label": ["no", "1"] * 12}, "Test set `b`: `label` has the values 1, no and nothing says"),
        ({"patient": None}, "Test set `b`: `patient` is empty in 24 of 24 rows"),
        ({"file_name": "x.png"}, "Test set `b`: 24 of 24 image files do not exist"),
    ],
)
def test_refuses_tables(fair: FairDataset, tmp_path: Path, change: dict[str, object], line: str) -> None:
    path = other_clinic(tmp_path / "b", other_frame())
    other_frame().assign(**change).to_csv(path, index=False)  # type: ignore[arg-type]
    with pytest.raises(FairTuneError, match=line) as refusal:
        fair.with_test_set("b", asked(path, cluster="patient"))
    assert "\n" not in str(refusal.value)


def test_refuses_other_label_names(csv: Path, processor: ViTImageProcessorPil, tmp_path: Path) -> None:
    flags = {"label": "diagnosis", "positive": ["melanoma"]}
    fair = load_fair_dataset(asked(csv, **flags), processor)
    frame = other_frame().replace({"diagnosis": {"nevus": "wart"}})
    with pytest.raises(FairTuneError, match="`b` has the labels wart, melanoma, the main data nevus, melanoma"):
        fair.with_test_set("b", asked(other_clinic(tmp_path / "b", frame), **flags))


def test_refuses_shared_clusters(fair: FairDataset, tmp_path: Path) -> None:
    """Patients of the training data are refused; those of the main test split are not."""
    test, train = sorted(set(fair.columns("test")["cluster"])), sorted(set(fair.columns("train")["cluster"]))
    path = other_clinic(tmp_path / "b", other_frame(len(test) * 2).assign(patient=test * 2))
    fair.with_test_set("b", asked(path, cluster="patient"))
    pd.read_csv(path).assign(patient=(train * 2)[: len(test) * 2]).to_csv(path, index=False)
    line = f"shares {len(test) * 2} clusters with the training or validation data"
    with pytest.raises(FairTuneError, match=rf"Test set `b` {line} \({', '.join(train[:5])} and \d+ more\)"):
        fair.with_test_set("b", asked(path, cluster="patient"))


def copies(fair: FairDataset, csv: Path, folder: Path, split: str) -> Path:
    """Write a table of another clinic, two of whose images are copies, under other names, of a split's."""
    path = other_clinic(folder, other_frame())
    for name, row in zip(("003.png", "004.png"), fair.columns(split)["row"], strict=False):
        shutil.copy(csv.parent / f"{row:03d}.png", folder / name)
    return path


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("cluster", [None, "patient"])
def test_refuses_copied_images(
    csv: Path, processor: ViTImageProcessorPil, tmp_path: Path, split: str, cluster: str | None
) -> None:
    fair = load_fair_dataset(asked(csv, cluster=cluster), processor)
    fair.with_test_set("a", asked(copies(fair, csv, tmp_path / "a", "test"), cluster=cluster))
    with pytest.raises(FairTuneError, match=r"Test set `b` shares 2 images with .* \(003.png, 004.png\)"):
        fair.with_test_set("b", asked(copies(fair, csv, tmp_path / "b", split), cluster=cluster))


def test_refuses_embedded_copies(csv: Path, processor: ViTImageProcessorPil, tmp_path: Path) -> None:
    """A table whose images are inside it holds the bytes of a training image's file."""
    fair = load_fair_dataset(asked(csv), processor)
    frame = other_frame()
    images = [noise(k) for k in range(24)]
    images[9] = (csv.parent / f"{fair.columns('train')['row'][0]:03d}.png").read_bytes()
    columns = {"image": [{"bytes": image, "path": None} for image in images]}
    columns |= {name: frame[name].tolist() for name in ("label", "sex")}
    features = Features(image=Image(), label=Value("int64"), sex=Value("string"))
    Dataset.from_dict(columns, features=features).save_to_disk(tmp_path / "b")
    with pytest.raises(FairTuneError, match=r"Test set `b` shares 1 images with .* \(row 9\)"):
        fair.with_test_set("b", asked(tmp_path / "b"))


def noise(seed: int) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_refuses_the_main_table_itself(csv: Path, processor: ViTImageProcessorPil) -> None:
    fair = load_fair_dataset(asked(csv), processor)
    seen = len(fair["train"]) + len(fair["validation"])
    with pytest.raises(FairTuneError, match=f"Test set `again` shares {seen} images with .* and {seen - 5} more"):
        fair.with_test_set("again", asked(csv))


def test_relative_images_start_from_the_test_sets_own_folder(processor: ViTImageProcessorPil, tmp_path: Path) -> None:
    """The main data's --image_root is not that of another clinic."""
    main = write_table(tmp_path / "a", frame_of(48))
    shutil.move(main, tmp_path / "a.csv")
    fair = load_fair_dataset(asked(tmp_path / "a.csv", image_root=str(tmp_path / "a")), processor)
    path = other_clinic(tmp_path / "b", other_frame())
    assert len(fair.with_test_set("b", asked(path, image_root=str(tmp_path / "a")))["b"]) == 24
