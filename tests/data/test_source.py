"""Every kind of table gives the same rows; one line says what is missing or unclear."""

from pathlib import Path

import datasets
import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value

from hf_fairtune.data.attributes import read_attributes
from hf_fairtune.data.source import Source, load_source
from hf_fairtune.errors import FairTuneError

from .conftest import frame_of, write_images, write_table

# The folder builder of `datasets` leaves its metadata file for the garbage collector to close.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def file_names(source: Source) -> list[str]:
    return [Path(item["path"]).name for item in source.images["image"]]


@pytest.mark.parametrize("name", ["clinic.csv", "clinic.tsv", "clinic.parquet"])
def test_tables(tmp_path: Path, name: str) -> None:
    frame = frame_of(8)
    write_images(tmp_path, list(frame["file_name"]))
    path = tmp_path / name
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    source = load_source(str(path))
    assert file_names(source) == list(frame["file_name"])
    assert source.frame["sex"].tolist() == frame["sex"].tolist()
    assert source.given is None
    assert source.name == name


@pytest.mark.parametrize(
    ("separator", "encoding"), [(";", "utf-8"), ("\t", "utf-8-sig"), (",", "utf-8-sig"), ("|", "utf-8")]
)
def test_spellings_of_a_table_of_predictions(tmp_path: Path, separator: str, encoding: str) -> None:
    """A table of images may be written as one of predictions may: the header shows what separates."""
    frame = frame_of(8).assign(note="a", männlich=1.5)
    write_images(tmp_path, list(frame["file_name"]))
    frame.rename(columns={"note": "sex", "sex": "Sex"}).to_csv(
        tmp_path / "t.csv", index=False, sep=separator, encoding=encoding
    )
    source = load_source(str(tmp_path / "t.csv"))
    assert file_names(source) == list(frame["file_name"])
    assert source.frame["Sex"].tolist() == frame["sex"].tolist()
    assert source.frame["männlich"].tolist() == [1.5] * 8


def test_a_column_twice_is_refused_where_it_is_used(tmp_path: Path) -> None:
    frame = frame_of(8).assign(note="a", more="b").rename(columns={"more": "note"})
    write_images(tmp_path, list(frame["file_name"]))
    frame.to_csv(tmp_path / "t.csv", index=False)
    source = load_source(str(tmp_path / "t.csv"))
    assert list(source.frame).count("note") == 2
    with pytest.raises(FairTuneError, match="--group note names 2 columns"):
        read_attributes(source.frame, ["note"])
    frame.rename(columns={"note": "file_name"}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(FairTuneError, match="--image file_name names 3 columns"):
        load_source(str(tmp_path / "t.csv"))


def test_image_folder(tmp_path: Path) -> None:
    write_table(tmp_path / "clinic", frame_of(8))
    source = load_source(str(tmp_path / "clinic"))
    by_name = dict(zip(file_names(source), source.frame["age"], strict=True))
    assert by_name == dict(zip(frame_of(8)["file_name"], frame_of(8)["age"], strict=True))
    assert (source.name, source.given) == ("clinic", None)


@pytest.mark.parametrize("name", ["test-{}.png", "site/my-test-{}.png", "train_{}.png"])
def test_file_names_are_no_splits(tmp_path: Path, name: str) -> None:
    frame = frame_of(8)
    frame.loc[::2, "file_name"] = [name.format(i) for i in range(4)]
    write_table(tmp_path / "clinic", frame)
    source = load_source(str(tmp_path / "clinic"))
    by_name = dict(zip(file_names(source), source.frame["age"], strict=True))
    assert by_name == dict(zip([Path(file).name for file in frame["file_name"]], frame["age"], strict=True))
    assert source.given is None


def test_images_without_metadata(tmp_path: Path) -> None:
    write_images(tmp_path / "clinic", ["a.png", "b.png"])
    with pytest.raises(FairTuneError, match=r"`clinic` has images and nothing else. Put a metadata.csv with"):
        load_source(str(tmp_path / "clinic"))


def test_image_folder_with_splits(tmp_path: Path) -> None:
    for name, n in {"train": 8, "val": 4, "test": 4}.items():
        write_table(tmp_path / name, frame_of(n))
    assert load_source(str(tmp_path)).given == ["train"] * 8 + ["validation"] * 4 + ["test"] * 4


@pytest.mark.parametrize("kind", ["one", "several"])
def test_saved_dataset_with_embedded_images(tmp_path: Path, kind: str) -> None:
    """Classes come by their names, and the images stay undecoded."""
    write_images(tmp_path, ["a.png", "b.png"])
    columns = {
        "picture": [{"bytes": (tmp_path / name).read_bytes(), "path": None} for name in ("a.png", "b.png")],
        "dx": [1, 0],
        "vector": [[1.0], [2.0]],
    }
    features = Features(picture=Image(), dx=ClassLabel(names=["nv", "mel"]), vector=datasets.List(Value("float32")))
    part = Dataset.from_dict(columns, features=features)
    saved = part if kind == "one" else DatasetDict(train=part, test=part)
    saved.save_to_disk(tmp_path / "saved")
    source = load_source(str(tmp_path / "saved"))
    assert source.frame["dx"].tolist()[:2] == ["mel", "nv"]
    assert list(source.frame) == ["dx"]
    assert source.images[0]["image"]["bytes"] == (tmp_path / "a.png").read_bytes()
    assert source.given == (None if kind == "one" else ["train"] * 2 + ["test"] * 2)


def test_a_split_column_is_kept(csv: Path) -> None:
    frame = pd.read_csv(csv)
    frame["split"] = (["train"] * 4 + ["val", "test"]) * 8
    frame.to_csv(csv, index=False)
    assert load_source(str(csv)).given == (["train"] * 4 + ["validation", "test"]) * 8


def test_image_root_and_column(tmp_path: Path) -> None:
    frame = frame_of(4)
    write_images(tmp_path / "pictures", list(frame["file_name"]))
    frame = frame.rename(columns={"file_name": "Path"})
    frame.to_csv(tmp_path / "t.csv", index=False)
    source = load_source(str(tmp_path / "t.csv"), image="Path", image_root=str(tmp_path / "pictures"))
    assert Path(source.images[0]["image"]["path"]) == tmp_path / "pictures" / "000.png"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"image": "scan"}, "--image scan names no column of the data; the columns are file_name, label"),
        ({"image": "age"}, "The column `age` holds neither images nor paths"),
    ],
)
def test_refuses_arguments(csv: Path, change: dict[str, str], line: str) -> None:
    with pytest.raises(FairTuneError, match=line):
        load_source(str(csv), **change)


@pytest.mark.parametrize(
    ("splits", "line"),
    [
        (["train", "extra"], "does not say the split of 24 of 48 rows .extra."),
        (["val", "test"], "wanted are train and, if any, validation and test"),
        (["train", "val", "dev"], "dev, train, val, of which several mean one split"),
        (["train", ""], "does not say the split of 24 of 48 rows ..empty.."),
    ],
)
def test_refuses_unclear_splits(csv: Path, splits: list[str], line: str) -> None:
    frame = pd.read_csv(csv)
    frame["split"] = (splits * 48)[:48]
    frame.to_csv(csv, index=False)
    with pytest.raises(FairTuneError, match=line):
        load_source(str(csv))


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("none.csv", None, "does not exist; give a Hub id, a folder or"),
        ("table.ods", "x", "is no .csv, .tsv"),
        ("empty.csv", "", "is empty; give a table with names in its first line"),
        ("headed.csv", "file_name,label,sex\n", "has no rows"),
        ("bare.csv", "label,sex\n0,F\n", "No column holds images; the columns are label, sex"),
        ("holes.csv", "path,label,sex\n,0,F\nx.png,1,F\n", "`path` is empty in 1 of 2 rows"),
        ("broken.parquet", "no parquet", "could not be read"),
    ],
)
def test_refuses_tables(tmp_path: Path, name: str, content: str | None, line: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(FairTuneError, match=line) as refusal:
        load_source(str(tmp_path / name))
    assert "\n" not in str(refusal.value)


def test_refuses_a_root_for_images_that_have_one(tmp_path: Path) -> None:
    write_table(tmp_path / "clinic", frame_of(4))
    with pytest.raises(FairTuneError, match="--image_root is for columns of paths, but `image` holds images"):
        load_source(str(tmp_path / "clinic"), image_root=str(tmp_path))


def test_refuses_a_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FairTuneError, match="could not be read"):
        load_source(str(tmp_path / "empty"))


def test_refuses_an_unreachable_hub_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """The builder's own error, whatever its type, becomes one line with the id."""

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("offline\nand a long story")

    monkeypatch.setattr("hf_fairtune.data.source.load_dataset", unreachable)
    with pytest.raises(FairTuneError, match="the Hub .* cannot be reached .*`clinic/skin`") as refusal:
        load_source("clinic/skin")
    assert "\n" not in str(refusal.value)
