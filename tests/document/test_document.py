"""The document and its file."""

import json

import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.errors import FairTuneError
from tests.document_samples import document


def test_a_document_of_another_version_is_refused() -> None:
    content = json.loads(document({("F",): (40, 50)}).to_json())
    assert Document.from_json(json.dumps(content)).schema_version == 2
    content["schema_version"] = 3
    with pytest.raises(FairTuneError, match=r"`old.json` is no fairtune document of version 2 .schema_version: .* 2"):
        Document.from_json(json.dumps(content), "old.json")
