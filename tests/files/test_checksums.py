"""A sealed folder is as it was written, or names a file that is not."""

from pathlib import Path

import pytest

from hf_fairtune.files.checksums import FILE_NAME, damage, is_sealed, seal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a" / "inner").mkdir(parents=True)
    (tmp_path / "a" / "x.bin").write_bytes(bytes(range(256)) * 9)
    (tmp_path / "a" / "inner" / "y.bin").write_bytes(b"y")
    assert not is_sealed(tmp_path / "a")
    seal(tmp_path / "a")
    return tmp_path / "a"


def test_every_byte_counts(folder: Path) -> None:
    """Of the files below it, too; a file that came later does not."""
    assert is_sealed(folder)
    assert damage(folder) is None
    content = (folder / "x.bin").read_bytes()
    for place in range(0, len(content), 97):
        (folder / "x.bin").write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert damage(folder) == "`x.bin` is not as it was written"
    (folder / "x.bin").write_bytes(content)
    (folder / "later.txt").touch()
    assert damage(folder) is None
    (folder / "inner" / "y.bin").unlink()
    assert damage(folder) == "`inner/y.bin` cannot be read (No such file or directory)"


def test_it_is_of_its_folder(folder: Path) -> None:
    other = folder.rename(folder.with_name("b"))
    assert damage(other) == "its files are those of `a`"


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"files": 3}', '{"files": {"x.bin": 0}}'])
def test_checksums_that_are_none(folder: Path, text: str) -> None:
    (folder / FILE_NAME).write_text(text)
    assert str(damage(folder)).startswith(f"`{FILE_NAME}` cannot be read")


def test_it_can_be_sealed_again(folder: Path) -> None:
    (folder / "x.bin").write_bytes(b"other")
    seal(folder)
    assert damage(folder) is None
