"""An output folder belongs to one run."""

from pathlib import Path

import pytest

from hf_fairtune.errors import FairTuneError
from hf_fairtune.folder import TRACES, claim


def test_the_same_run_comes_back_and_another_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    claim(folder, {"seed": 1, "group": ("sex",)})
    claim(folder, {"seed": 1, "group": ["sex"]})
    before = {p: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(FairTuneError, match=r"holds another run \(other group, seed\)"):
        claim(folder, {"seed": 2, "group": ["age"]})
    assert {p: p.read_bytes() for p in folder.iterdir()} == before


@pytest.mark.parametrize("name", TRACES)
def test_a_foreign_model_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(FairTuneError, match=f"already holds {name}"):
        claim(tmp_path, {})
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_other_files_are_no_run(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    claim(tmp_path, {})
