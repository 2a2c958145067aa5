"""Handing over: a kill or a full disk in the middle leaves what was there; nothing half remains."""

import errno
import os
from pathlib import Path

import pytest
from hf_fairtune.record import Record

from hf_fairtune import handover
from hf_fairtune.errors import FairTuneError
from hf_fairtune.masks.config import masked
from hf_fairtune.masks.mask import Mask
from tests.conftest import tiny_vit


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of an earlier hand-over, and no card to draw."""
    monkeypatch.setattr(handover, "write_report", lambda record, folder: [])
    monkeypatch.setattr(handover, "suppress_small_cells", lambda content: content)
    handover.write(tmp_path / "out", tiny_vit(), None, record(1))
    return tmp_path / "out"


def record(seed: int) -> Record:
    return Record("train", seed, {"name": "tiny"}, {}, "full")


def files(folder: Path) -> dict[Path, bytes]:
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class KilledError(BaseException):
    """Stands for a kill: no handler of ours sees it."""


@pytest.mark.parametrize("error", [KilledError(), OSError(errno.ENOSPC, "No space left on device")])
def test_the_old_folder_survives(old: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    before = files(old)

    def stop(*_: object) -> None:
        raise error

    monkeypatch.setattr(Record, "save", stop)
    model = masked(tiny_vit(), Mask((1,) * 9))
    with pytest.raises((KilledError, FairTuneError), match="free some space|^$"):
        handover.write(old, model, None, record(2))
    assert files(old) == before


def test_the_record_is_the_last_file(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    move = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append(Path(b).name), move(a, b))[1])
    handover.write(old, masked(tiny_vit(), Mask((1,) * 9)), None, record(3))
    assert order[-1] == "fairtune.json"
    assert Record.load(old).seed == 3
    assert (old / "adapter" / "adapter_model.safetensors").is_file()
    assert not (old / "adapter" / "README.md").exists()
