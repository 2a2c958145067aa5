"""The record: whole or not at all, JSON without NaN, and refused when it is another thing."""

import errno
import json
import os
from pathlib import Path

import pytest

from hf_fairtune.errors import FairTuneError
from hf_fairtune.folder import write_atomically
from hf_fairtune.record import Record


def record(**options: object) -> Record:
    return Record("train", 0, {}, {}, "full", **options)


def test_round_trip_with_nan_as_null(tmp_path: Path) -> None:
    written = record(learning_rate=float("nan"), evaluations=[{"model": "full", "split": "test", "audit": {"n": 3}}])
    path = written.save(tmp_path)
    assert json.loads(path.read_text())["learning_rate"] is None
    again = Record.load(tmp_path)
    assert again.evaluation("full") == {"n": 3}
    assert again.evaluation("fairtune") is None
    assert again.versions["torch"]
    assert Record.load(path) == again


def test_a_record_of_before_repairs_still_loads(tmp_path: Path) -> None:
    path = record().save(tmp_path)
    content = json.loads(path.read_text())
    assert (content.pop("comparisons"), content.pop("repair")) == ([], None)
    path.write_text(json.dumps(content))
    assert Record.load(tmp_path) == record(created=content["created"])


def test_a_comparison_is_found_by_its_models_and_split() -> None:
    names = [("swift", "baseline", "test"), ("swift", "baseline", "scanner-b"), ("baseline", "swift", "test")]
    held = [{"model": m, "reference": r, "split": s, "n": i} for i, (m, r, s) in enumerate(names)]
    made = record(comparisons=held)
    assert [made.comparison(*name) for name in names] == held
    assert made.comparison("full", "baseline") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 99}', "\xff"])
def test_what_is_no_record_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "fairtune.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(FairTuneError, match="fairtune.json") as caught:
        Record.load(tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(FairTuneError, match="does not exist"):
        Record.load(tmp_path / "nowhere")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = write_atomically(tmp_path / "a.json", "old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(FairTuneError, match="could not be written .No space left on device.; free some space"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
