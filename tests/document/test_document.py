"""The document and its file."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.errors import FairTuneError
from tests.document_samples import document


def test_a_document_of_another_version_is_refused() -> None:
    content = json.loads(document({("F",): (40, 50)}).to_json())
    assert Document.from_json(json.dumps(content)).schema_version == 3
    content["schema_version"] = 2
    with pytest.raises(FairTuneError, match=r"`old.json` is no fairtune document of version 3 .schema_version: .* 3"):
        Document.from_json(json.dumps(content), "old.json")


@pytest.mark.parametrize("place", [("run",), ("data", "splits", "test"), ("models", 0), ("audits", 0, "audit", "auc")])
def test_an_unknown_field_is_refused_at_any_depth(place: tuple[str | int, ...]) -> None:
    content = json.loads((Path(__file__).parent.parent / "show" / "search.json").read_text())
    part = content
    for step in place:
        part = part[step]
    part["nonsense"] = 1
    with pytest.raises(FairTuneError, match=rf"{re.escape('.'.join(map(str, place)))}.nonsense: Unexpected keyword"):
        Document.from_json(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda kept: kept.update(model="other"), "models: there is no `other`"),
        (lambda kept: kept.update(models=[]), "models: there is no `"),
        (lambda kept: kept["data"]["splits"]["test"]["positives"].update(x=1), "data.splits.test: there is no target"),
        (lambda kept: kept["run"]["search"]["trials"][0]["values"].update(x=1.0), "`x` is no epoch"),
        (lambda kept: kept["data"].update(x=1), "data.x: Unexpected keyword argument"),
    ],
)
def test_parts_that_contradict_each_other_are_one_line(change: Callable[[Any], None], said: str) -> None:
    kept = json.loads((Path(__file__).parent.parent / "show" / "search.json").read_text(encoding="utf-8"))
    change(kept)
    with pytest.raises(
        FairTuneError, match=rf"`out.json` is no fairtune document .*{said}.*; delete it, and give the"
    ):
        Document.from_json(json.dumps(kept), "out.json")
