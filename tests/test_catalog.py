"""The catalog: the file is the registration."""

import pytest

from hf_fairtune import catalog
from hf_fairtune.errors import FairTuneError


def test_names_are_files_without_the_contract() -> None:
    assert catalog.names("methods") == ["bmft", "fairtune", "full", "swift"]
    assert catalog.names("families") == ["vit"]
    assert catalog.find("methods", "full").METHOD.__name__ == "Full"


@pytest.mark.parametrize("name", ["nothing", "method", "full.py", "../record", ""])
def test_what_is_no_file_lists_those_there_are(name: str) -> None:
    with pytest.raises(FairTuneError, match="is not one of the methods; choose from bmft, fairtune, full, swift"):
        catalog.find("methods", name)
