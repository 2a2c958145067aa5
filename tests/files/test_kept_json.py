"""A kept JSON file says what was written, or is damaged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hf_fairtune.files.kept_json import read_json, write_json
from tests.spoiling import SPOILINGS, replaced_by

CONTENT = {"cut": 0.125, "rows": {"test": 40}, "name": "Größe", "none": None}


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", CONTENT)
    assert read_json(tmp_path / "a.json") == CONTENT


@pytest.mark.parametrize("spoil", [one for one in SPOILINGS if one.__name__ != "cut_by_a_byte"])
def test_damage_is_found(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    write_json(tmp_path / "a.json", CONTENT)
    spoil(tmp_path / "a.json")
    with pytest.raises((OSError, ValueError)):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("text", ["", "[]", "1.5", "{}", '{"cut": 0.125}', "\x00" * 9, "[" * 100_000])
def test_other_texts_are_damage(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match="."):
        read_json(tmp_path / "a.json")


def test_a_changed_digit_is_found(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", CONTENT)
    replaced_by(tmp_path / "a.json")(tmp_path / "b.json")
    (tmp_path / "b.json").write_text((tmp_path / "b.json").read_text().replace("0.125", "0.525"))
    with pytest.raises(ValueError, match="it is not as it was written"):
        read_json(tmp_path / "b.json")
