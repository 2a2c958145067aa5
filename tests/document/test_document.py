"""The document and its file."""

import json
import re
from pathlib import Path

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
