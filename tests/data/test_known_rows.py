"""What a run began with: a restart with other rows says which changed; the same rows under other names go on."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from datasets import Dataset, Features, Image
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune.data import contents
from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.data.identity import identify
from hf_fairtune.data.known_rows import changes, digests, rows_file
from hf_fairtune.errors import FairTuneError
from hf_fairtune.files.folder import claim
from tests.data.conftest import asked, frame_of, write_images, write_table

Change = Callable[[pd.DataFrame, Path], pd.DataFrame]


def other_content(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Change pixels of two images, whose files keep their size and times."""
    for name in frame.file_name[:2]:
        status, content = (folder / name).stat(), bytearray((folder / name).read_bytes())
        content[-20] ^= 1
        (folder / name).write_bytes(content)
        os.utime(folder / name, ns=(status.st_atime_ns, status.st_mtime_ns))
    return frame


def exchanged(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    one, two = (folder / name for name in frame.file_name[:2])
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    return frame


def with_one_more(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    write_images(folder, ["new.png"], seed=9)
    return pd.concat([frame, frame[:1].assign(file_name="new.png")], ignore_index=True)


def set_to(column: str, row: int, value: object) -> Change:
    def change(frame: pd.DataFrame, _: Path) -> pd.DataFrame:
        frame = frame.astype({column: object})
        frame.loc[row, column] = value
        return frame

    return change


CHANGES: dict[str, tuple[Change, str]] = {
    "label": (set_to("label", 4, 1), r"label of 1 row \(004.png\);"),
    "group": (set_to("sex", 5, "M"), r"sex of 1 row \(005.png\);"),
    "another group": (set_to("age", 6, 70), r"age:50 of 1 row \(006.png\);"),
    "cluster": (set_to("patient", 7, "p0"), r"cluster of 1 row \(007.png\);"),
    "given split": (set_to("split", 40, "test"), r"split of 1 row \(040.png\);"),
    "contents": (other_content, r"the content of 2 images \(000.png, 001.png\);"),
    "exchanged": (exchanged, r"the content of 2 images \(000.png, 001.png\);"),
    "order": (lambda frame, _: frame[::-1], "the order of the rows;"),
    "one moved": (lambda frame, _: pd.concat([frame[1:], frame[:1]]), "the order of the rows;"),
    "added row": (with_one_more, "1 row more;"),
    "removed row": (lambda frame, _: frame.drop(9), "1 row fewer;"),
    "repeated row": (lambda frame, _: pd.concat([frame, frame[47:]]), "1 row more;"),
    "several": (
        lambda frame, folder: set_to("label", 4, 1)(other_content(frame[::-1], folder)[:-1], folder),
        r"1 row fewer, the content of 2 images \(047.png, 046.png\), label of 1 row \(004.png\), the order of the "
        "rows;",
    ),
}
ASKED = {"group": ["sex", "age:50"], "cluster": "patient"}


def begun(tmp_path: Path) -> tuple[pd.DataFrame, Path]:
    """Start a run on a table with given splits."""
    frame = frame_of(48).assign(split=[["train", "train", "val", "test"][i // 4 % 4] for i in range(48)])
    csv = write_table(tmp_path / "clinic", frame, "clinic.csv")
    return frame, csv


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_is_said(tmp_path: Path, processor: ViTImageProcessorPil, name: str) -> None:
    (frame, csv), folder = begun(tmp_path), tmp_path / "run"

    def start() -> None:
        load_fair_dataset(asked(csv, **ASKED), processor, splits_file=folder / "splits.json")
        claim(folder, {})

    start()
    start()
    change, said = CHANGES[name]
    change(frame, csv.parent).to_csv(csv, index=False)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(FairTuneError, match=rf"run` was begun with other data: {said} give it what it was begun with"):
        start()
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_names_and_places_do_not_matter(tmp_path: Path, processor: ViTImageProcessorPil) -> None:
    (frame, csv), splits = begun(tmp_path), tmp_path / "run" / "splits.json"
    load_fair_dataset(asked(csv), processor, splits_file=splits)
    claim(splits.parent, {})
    for old in frame.file_name:
        (csv.parent / old).rename(csv.parent / f"x{old}")
    csv = csv.parent.rename(tmp_path / "moved") / csv.name
    frame.assign(file_name="x" + frame.file_name).to_csv(csv, index=False)
    load_fair_dataset(asked(csv), processor, splits_file=splits)


def test_a_test_set_that_changed_is_said(tmp_path: Path, processor: ViTImageProcessorPil) -> None:
    (_, csv), folder = begun(tmp_path), tmp_path / "run"
    more = frame_of(24)
    write_images(tmp_path / "b", list(more.file_name), seed=3)
    other = tmp_path / "b" / "b.csv"
    data = load_fair_dataset(asked(csv), processor, splits_file=folder / "splits.json")
    for label, sex in ((0, "F"), (1, "F"), (1, "M")):
        more.assign(label=[label, *more.label[1:]], sex=[sex, *more.sex[1:]]).to_csv(other, index=False)
        if not label:
            data.with_test_set("b", asked(other), run=folder)
            claim(folder, {})
            continue
        with pytest.raises(FairTuneError, match=r"begun with another test set `b`: label of 1 row \(000.png\)"):
            data.with_test_set("b", asked(other), run=folder)


def test_a_start_that_claimed_nothing_binds_nothing(tmp_path: Path, processor: ViTImageProcessorPil) -> None:
    (frame, csv), folder = begun(tmp_path), tmp_path / "run"
    for part in (frame, set_to("label", 4, 1)(frame, csv.parent)):
        part.to_csv(csv, index=False)
        load_fair_dataset(asked(csv), processor, splits_file=folder / "splits.json")
    assert json.loads(rows_file(folder).read_text())["columns"]["label"][4] == "1"


@pytest.mark.parametrize("content", ["", "[1]", '{"image": ["a"]}', "\xff"])
def test_a_damaged_file_is_one_line(tmp_path: Path, processor: ViTImageProcessorPil, content: str) -> None:
    (_, csv), folder = begun(tmp_path), tmp_path / "run"
    claim(folder, {})
    rows_file(folder).write_text(content, encoding="latin-1")
    with pytest.raises(FairTuneError, match=r"rows.json`, the rows that the run began with, cannot be read \("):
        load_fair_dataset(asked(csv), processor, splits_file=folder / "splits.json")


def test_an_embedded_image_is_known_by_its_place() -> None:
    known = {"image": ["a1", "b2", "c3"], "content": ["a1", "b2", "c3"], "label": ["0", "1", "0"]}
    now = {"image": ["a1", "d4", "c3"], "content": ["a1", "d4", "c3"], "label": ["0", "1", "1"]}
    assert changes(known, now) == ["the content of 1 image (d4)", "label of 1 row (c3)"]


NAMES = ("image", "content", "label")
ROWS = st.lists(st.tuples(*[st.sampled_from("ab")] * 3), max_size=4)


@settings(max_examples=40)
@given(ROWS, ROWS)
def test_what_says_nothing_is_the_same(ours: list[tuple[str, ...]], theirs: list[tuple[str, ...]]) -> None:
    """But for names: rows of the same contents and labels in one order."""
    one, two = ({name: [row[i] for row in rows] for i, name in enumerate(NAMES)} for rows in (ours, theirs))
    if not changes(one, two):
        assert [row[1:] for row in ours] == [row[1:] for row in theirs]
    assert changes(one, one) == []


def test_digests_name_what_changed() -> None:
    known = {"image": ["a", "b", "b"], "content": ["1", "2", "3"], "label": ["0", "1", "0"]}
    for change, names in (
        ({"label": ["1", "1", "0"]}, {"label"}),
        ({"content": ["9", "2", "3"]}, {"content"}),
        ({name: own[::-1] for name, own in known.items()}, {"order of rows", "content", "label"}),
        ({name: [own[1], own[0], own[2]] for name, own in known.items()}, {"order of rows"}),
    ):
        one, two = digests(known), digests({**known, **change})
        assert {name for name in one if one[name] != two[name]} == names


def test_a_file_is_read_again_only_where_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Size and times tell that; a damaged memory is made again."""
    monkeypatch.setattr(contents, "FRESH", -1)
    names = [f"{i}.png" for i in range(3)]
    write_images(tmp_path, names)
    paths = {"image": [str(tmp_path / name) for name in names]}
    images = Dataset.from_dict(paths, features=Features(image=Image(decode=False)))
    read = list[str]()
    hashed = contents.content_hash

    def note(content: bytes) -> str:
        read.append(hashed(content))
        return read[-1]

    def again() -> tuple[list[str], list[str]]:
        read.clear()
        found = identify(images, tmp_path, tmp_path / "cache").images
        return found, [one for one in read if one in found]

    monkeypatch.setattr(contents, "content_hash", note)
    first, all_read = again()
    assert sorted(all_read) == sorted(first)
    assert again() == (first, [])
    other_content(pd.DataFrame({"file_name": names[:2]}), tmp_path)
    second, changed = again()
    assert (sorted(changed), second[2]) == (sorted(second[:2]), first[2])
    assert not set(changed) & set(first)
    (kept,) = (tmp_path / "cache").glob("contents-*.json")
    for damage in (kept.read_text()[:40], kept.read_text().replace(second[0], first[0]), "[]"):
        kept.write_text(damage)
        assert again()[0] == second
    monkeypatch.setattr(contents, "FRESH", 10**12)
    kept.unlink()
    for _ in range(2):
        assert sorted(again()[1]) == sorted(second)


@pytest.mark.parametrize(
    ("path", "reason"),
    [("a" * 300 + ".png", "File name too long"), ("a\0b.png", "embedded null byte"), ("loop.png", "Too many levels")],
)
def test_a_path_that_cannot_be_read_is_one_line(tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    items = [{"bytes": None, "path": str(tmp_path / path)}]
    images = Dataset.from_dict({"image": items}, features=Features(image=Image(decode=False)))
    with pytest.raises(FairTuneError, match=rf"cannot be read \(.*{reason}.*correct the paths, or the permissions"):
        identify(images, tmp_path)
