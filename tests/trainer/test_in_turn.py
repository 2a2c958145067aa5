"""One worker of a folder trains the finalists; the others wait for it, and can be stopped meanwhile."""

import signal
from pathlib import Path

import pytest
from transformers import TrainingArguments

from hf_fairtune.signals import Stopped, listening, stopping_safely
from hf_fairtune.trainer import in_turn as module
from hf_fairtune.trainer.in_turn import in_turn
from tests.other_process import Forked


def test_the_second_comes_after_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "POLL", 0.05)
    args = TrainingArguments(str(tmp_path))

    def first() -> None:
        with in_turn(args, "x", "it"):
            other.ready()
            other.pause(0.3)
            (tmp_path / "done").touch()

    other = Forked(first)
    with other, in_turn(args, "x", "it"):
        assert (tmp_path / "done").is_file()
    assert capfd.readouterr().err == "waiting for another worker, which does it\n"
    assert not (tmp_path / "x.lock").exists()


def test_a_signal_ends_the_wait_and_a_death_frees_the_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    args = TrainingArguments(str(tmp_path))
    monkeypatch.setattr(module.time, "sleep", lambda _: signal.raise_signal(signal.SIGTERM))
    with Forked(lambda: in_turn(args, "x", "it")) as other:
        with pytest.raises(Stopped, match="before it"), listening(), stopping_safely(), in_turn(args, "x", "it"):
            pass
        other.kill(signal.SIGKILL)
    with in_turn(args, "x", "it"):
        pass
