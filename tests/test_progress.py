"""What a log shows of long work: lines that name all of it, with its share and the time left."""

import io
import sys
import time

import pytest

from hf_fairtune import progress
from hf_fairtune.progress import Progress


def test_a_log_has_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outermost work has the clock; the innermost tells what is left."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr(progress, "EVERY", 0.02)
    with Progress("Auditing", 2, "table") as bar:
        bar.update()
        with Progress("by sex"), Progress("Bootstrap", 200, "replicate", done=100) as inner:
            inner.start -= 10
            inner.update(50)
            until = time.monotonic() + 5
            while not written.getvalue() and time.monotonic() < until:
                time.sleep(0.01)
    first = written.getvalue().splitlines()[0]
    assert first == "Auditing: 1 of 2 tables (50 %) · by sex · Bootstrap: 150 of 200 replicates (75 %), 10 s left"
    lines = written.getvalue()
    time.sleep(0.1)
    assert written.getvalue() == lines
    assert progress.line() == ""


def test_short_work_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("Reading"), Progress("Decoding", 3, "image") as bar:
        bar.update(3)
    assert capsys.readouterr().err == ""


def test_the_first_process_alone_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    with Progress("Decoding", 3, "image"):
        assert progress.line() == ""


def test_work_of_unknown_length_tells_how_long_it_takes() -> None:
    with Progress("Fisher", unit="image") as bar:
        bar.update(64)
        bar.start -= 90
        assert progress.line() == "Fisher, 64 images, for 1 min 30 s"
