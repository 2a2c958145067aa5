"""An output folder belongs to one run."""

import errno
import os
from pathlib import Path

import pytest

from hf_fairtune.errors import FairTuneError
from hf_fairtune.files.atomic import write_atomically
from hf_fairtune.files.folder import FILE_NAME, TRACES, check, check_place, claim, undone_if_refused


def test_the_same_run_comes_back_and_another_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    claim(folder, {"seed": 1, "group": ("sex",)})
    claim(folder, {"seed": 1, "group": ["sex"]})
    before = {p: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(FairTuneError, match=r"holds another run \(other group, seed\)"):
        claim(folder, {"seed": 2, "group": ["age"]})
    with pytest.raises(FairTuneError, match=r"other a, b, c, d, e, f, g, group and 2 more\)"):
        claim(folder, dict.fromkeys("abcdefgs", 1))
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


def start(folder: Path, *, refused: bool = True) -> None:
    """Begin a run: divide, decode, claim or be refused."""
    with undone_if_refused(folder, ["splits.json", "pixels/pixels-*.npy"]):
        for name in ("splits.json", "pixels/pixels-1.npy"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("new")
        if refused:
            raise FairTuneError("no")
        claim(folder, {})


def test_a_refused_start_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="no"):
        start(tmp_path / "all" / "runs" / "one")
    assert not list(tmp_path.iterdir())


def test_a_refused_start_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "runs" / "pixels").mkdir(parents=True)
    kept = [tmp_path / "runs" / name for name in ("splits.json", "notes.txt", "pixels/pixels-0.npy")]
    for path in kept:
        path.write_text("old")
    with pytest.raises(FairTuneError, match="no"):
        start(tmp_path / "runs")
    assert sorted(path for path in (tmp_path / "runs").rglob("*") if path.is_file()) == sorted(kept)


def test_a_start_that_is_not_refused_stays(tmp_path: Path) -> None:
    start(tmp_path / "run", refused=False)
    names = {path.name for path in (tmp_path / "run").rglob("*")}
    assert names == {"run.json", "splits.json", "pixels", "pixels-1.npy"}
    # A run that is taken up again and refused keeps what it has.
    with pytest.raises(FairTuneError, match="no"):
        start(tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").rglob("*")} == names


def test_another_run_beside_a_refused_one_stays(tmp_path: Path) -> None:
    def begin() -> None:
        with undone_if_refused(tmp_path / "runs" / "one", ["splits.json"]):
            start(tmp_path / "runs" / "two", refused=False)
            raise FairTuneError("no")

    with pytest.raises(FairTuneError, match="no"):
        begin()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["two"]


def test_a_place_is_checked_and_nothing_made(tmp_path: Path) -> None:
    check_place(tmp_path / "new" / "run")
    (tmp_path / "file").write_text("x")
    with pytest.raises(FairTuneError, match=r"file/run` cannot be made \(`.*file` is a file\); choose another"):
        check_place(tmp_path / "file" / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("content", ["", "{", "[1]", "\xff"])
def test_a_damaged_mark_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content, encoding="latin-1")
    with pytest.raises(FairTuneError, match="cannot be read .*; choose another output_dir, or delete the folder"):
        check(tmp_path, {"command": "train"})
    assert (tmp_path / FILE_NAME).read_text(encoding="latin-1") == content
