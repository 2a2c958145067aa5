"""An output folder belongs to one run."""

import errno
import os
from pathlib import Path

import pytest

from hf_fairtune.errors import FairTuneError
from hf_fairtune.folder import TRACES, claim, write_atomically


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


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    assert write_atomically(path, "one") == path

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FairTuneError, match=r"a.txt` could not be written \(No space left on device\)"):
        write_atomically(path, "two")
    assert (path.read_text(), list(path.parent.iterdir())) == ("one", [path])
    with pytest.raises(FairTuneError, match="could not be written"):
        write_atomically(path / "inside" / "b.txt", "three")
