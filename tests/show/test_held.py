"""The documents that these tests show are read whole: nothing in the files is unknown, dropped or changed."""

import json
from pathlib import Path
from typing import Any

import pytest

from hf_fairtune.document.document import Document


def unread(held: Any, read: Any, place: str = "") -> list[str]:
    """List the places at which a file says what the document read from it does not."""
    if isinstance(held, dict) and isinstance(read, dict):
        found = [f"{place}.{key}" for key in held if key not in read]
        return found + [each for key in held if key in read for each in unread(held[key], read[key], f"{place}.{key}")]
    if isinstance(held, list) and isinstance(read, list) and len(held) == len(read):
        return [each for one, two in zip(held, read, strict=True) for each in unread(one, two, f"{place}[]")]
    return [] if held == read else [place]


@pytest.mark.parametrize("name", ["audit", "search", "repair"])
def test_a_held_document_is_read_whole(name: str) -> None:
    text = (Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8")
    held, read = json.loads(text), json.loads(Document.from_json(text).to_json())
    assert unread(held, read) == []
    held["data"]["splits"]["test"]["rows"] = 3
    held["models"][0]["title"] = "another"
    assert set(unread(held, read)) == {".models[].title", ".data.splits.test.rows"}
