"""The catalog: the file is the registration."""

import subprocess
import sys

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


@pytest.mark.parametrize("room", ["cli", "metrics", "methods"])
def test_about_is_the_first_line_of_the_docstring(room: str) -> None:
    for name in catalog.names(room):
        assert catalog.about(room, name) == (catalog.find(room, name).__doc__ or "").splitlines()[0]


def test_a_table_of_predictions_needs_no_torch() -> None:
    """It takes seconds to import, which `fairtune audit` of a table, and every --help, would wait for."""
    code = "import sys, hf_fairtune.cli.main, hf_fairtune.cli.audit; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
