"""Equal images are found by content, whatever their names and wherever their bytes lie."""

import shutil
from pathlib import Path

from datasets import Dataset, Features, Image
from hypothesis import given
from hypothesis import strategies as st

from hf_fairtune.data.overlap import shared_images

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
