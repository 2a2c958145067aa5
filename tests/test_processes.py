"""What several processes do together, and how the end of one is told."""

import os
from pathlib import Path

import pytest
import torch

from hf_fairtune.errors import FairTuneError
from hf_fairtune.processes import each, lost, once, share
from tests.processes import together


def test_alone_all_work_is_ones_own() -> None:
    assert once(lambda: 3) == 3
    assert each(lambda: 3) == [3]
    assert share(5) == range(5)


def seen() -> list[object]:
    """Work on three processes; one of the works fails."""
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    found: list[object] = [once(lambda: rank), each(lambda: rank), [*share(5)]]

    def fail() -> int:
        if rank in (0, 2):
            raise FairTuneError(f"{rank} cannot.")
        return rank

    for work in (once, each):
        with pytest.raises(FairTuneError) as refused:
            work(fail)  # type: ignore[operator]
        found.append(str(refused.value))
    torch.distributed.destroy_process_group()
    return found


def test_one_works_for_all_or_each_a_part(tmp_path: Path) -> None:
    """An error of one is an error of all, so that none waits."""
    first, second, third = together(seen, tmp_path, 3)
    assert first == [0, [0, 1, 2], [0], "0 cannot.", "0 cannot."]
    assert second == [0, [0, 1, 2], [1, 2], "0 cannot.", "0 cannot."]
    assert third == [0, [0, 1, 2], [3, 4], "0 cannot.", "2 cannot."]


def test_what_a_lost_process_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a run of one process a closed connection is another matter, as is an error with other words."""
    text = "[../gloo/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:2\nmore"
    monkeypatch.delenv("RANK", raising=False)
    assert lost(RuntimeError(text)) is None
    monkeypatch.setitem(os.environ, "RANK", "0")
    assert lost(RuntimeError(text)) == "connection closed by peer"
    error = ValueError("x")
    error.__cause__ = RuntimeError(text)
    assert lost(error) is not None
    assert lost(RuntimeError("shapes differ")) is None
