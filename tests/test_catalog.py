"""The catalog: the file is the registration."""

import subprocess
import sys

import pytest

from hf_fairtune import catalog
from hf_fairtune.errors import FairTuneError


def test_names_are_files_without_the_contract() -> None:
    assert {"bmft", "fairtune", "full", "swift"} <= set(catalog.names("methods"))
    assert not {"method", "two_step", "__init__"} & set(catalog.names("methods"))
    assert "vit" in catalog.names("families")
    assert not {"family", "parts", "head"} & set(catalog.names("families"))
    assert {"tpr", "auc", "equalized_odds_difference"} <= set(catalog.names("audits.metrics"))
    assert "metric" not in catalog.names("audits.metrics")
    assert catalog.find("methods", "full").METHOD.__name__ == "Full"
    assert catalog.find("audits.metrics", "tpr").METRIC


@pytest.mark.parametrize("name", ["nothing", "method", "full.py", "../errors", ""])
def test_what_is_no_variety_lists_those_there_are(name: str) -> None:
    listed = ", ".join(catalog.names("methods"))
    with pytest.raises(FairTuneError, match=f"is not one of the methods; choose from {listed}"):
        catalog.find("methods", name)
    with pytest.raises(FairTuneError, match="is not one of the metrics; choose from accuracy"):
        catalog.find("audits.metrics", name)


def test_the_nearest_name_is_offered() -> None:
    with pytest.raises(FairTuneError, match="did you mean `groupdro`\\?$"):
        catalog.find("methods", "group-dro")


@pytest.mark.parametrize("room", sorted(catalog.MARKS))
def test_about_is_the_first_line_of_the_docstring(room: str) -> None:
    for name in catalog.names(room):
        assert catalog.about(room, name) == (catalog.find(room, name).__doc__ or "").splitlines()[0]


def test_nothing_is_imported_to_list_a_room() -> None:
    code = "import sys; from hf_fairtune import catalog; [catalog.names(room) for room in catalog.MARKS]"
    code += "; sys.exit(len({'numpy', 'torch'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_table_of_predictions_needs_no_torch() -> None:
    """It takes seconds to import, which `fairtune audit` of a table, and every --help, would wait for."""
    code = "import sys, hf_fairtune.cli.main, hf_fairtune.cli.audit; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
