"""Signals are kept while something trains, raised as ever elsewhere, and the handlers of the caller come back."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from hf_fairtune.signals import KINDS, Stopped, listening, stopping_safely, watch


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Whatever a test does, the handlers are as before."""
    before = {kind: signal.getsignal(kind) for kind in KINDS}
    yield
    assert {kind: signal.getsignal(kind) for kind in KINDS} == before
    assert (watch.asked, watch.owner, watch.trainings) == (None, 0, 0)


def exit_code(act: Callable[[], None]) -> int:
    """Do something in a child, and return how it ended."""
    child = os.fork()
    if not child:
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_elsewhere_they_raise_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), listening():
        signal.raise_signal(signal.SIGINT)
    with (
        pytest.raises(Stopped, match=r"^stopped by SIGTERM; the same command goes on from here\.$") as stop,
        listening(),
    ):
        signal.raise_signal(signal.SIGTERM)
    assert stop.value.code == 143


def test_a_training_keeps_the_first_until_its_end() -> None:
    """One within another comes to its end, too."""
    done = []

    def train() -> None:
        with stopping_safely():
            signal.raise_signal(signal.SIGTERM)
        done.append(watch.asked)

    with pytest.raises(Stopped, match="SIGTERM after a training"), listening(), stopping_safely():
        train()
    assert done == [signal.SIGTERM]


def test_ctrl_c_in_a_script_is_a_keyboard_interrupt(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), stopping_safely():
        signal.raise_signal(signal.SIGINT)
    assert capsys.readouterr().err == "stopped by Ctrl-C after a training; the same command goes on from here.\n"


def test_one_that_a_destructor_swallowed_is_seen_by_the_next_training() -> None:
    with listening():
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(Stopped, match="Ctrl-C"), stopping_safely():
            pass


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_again_ends_the_process_at_once(kind: signal.Signals) -> None:
    def twice() -> None:
        with stopping_safely():
            signal.raise_signal(kind)
            signal.raise_signal(kind)

    assert exit_code(twice) == -kind


def test_what_a_launcher_passes_on_is_no_second_request() -> None:
    """Ctrl-C reaches the processes of a terminal, and their launcher sends SIGTERM after it."""

    def both() -> None:
        with listening(), stopping_safely():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            os._exit(7 if watch.asked is signal.SIGINT else 8)

    assert exit_code(both) == 7


def test_of_a_launched_process_the_same_at_once_is_no_second_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slurm sends a signal to the launcher, which passes it on, and to its processes."""
    monkeypatch.setenv("RANK", "0")

    def twice(pause: float) -> Callable[[], None]:
        def act() -> None:
            with listening(), stopping_safely():
                signal.raise_signal(signal.SIGTERM)
                watch._since -= pause
                signal.raise_signal(signal.SIGTERM)
                os._exit(7)

        return act

    assert [exit_code(twice(pause)) for pause in (0.0, 2.0)] == [7, -signal.SIGTERM]


def test_a_child_dies_of_sigterm_and_leaves_ctrl_c_to_its_parent() -> None:
    def by(kind: signal.Signals) -> Callable[[], None]:
        return lambda: signal.raise_signal(kind)

    with stopping_safely():
        assert [exit_code(by(kind)) for kind in (signal.SIGTERM, signal.SIGINT)] == [-signal.SIGTERM, 0]


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping_safely():
            signal.raise_signal(signal.SIGINT)
            assert watch.asked is None
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_leaves_signals_alone() -> None:
    owners: list[int] = []

    def train() -> None:
        with stopping_safely():
            owners.append(watch.owner)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert owners == [0]


class Interrupted:
    """Gets a signal while it is destroyed."""

    def __init__(self, kind: signal.Signals) -> None:
        self.kind = kind

    def __del__(self) -> None:
        os.kill(os.getpid(), self.kind)
        time.sleep(0.01)


class Translated(Interrupted):
    """Makes an error of its own of it, as a library in C does."""

    def __del__(self) -> None:
        try:
            super().__del__()
        except BaseException as error:
            raise SystemError("returned a result with an exception set") from error


@pytest.mark.parametrize("destroyed", [Interrupted, Translated])
@pytest.mark.parametrize(("kind", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Stopped)])
def test_a_signal_in_a_destructor_comes_again(
    kind: signal.Signals, error: type[BaseException], destroyed: type[Interrupted]
) -> None:
    def destroy() -> None:
        with listening():
            one = destroyed(kind)
            del one
            time.sleep(5)

    with pytest.raises(error):
        destroy()


def test_a_process_that_does_not_leave_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_fairtune.signals.LEAVING", 0.2)

    def hang() -> None:
        with listening():
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            time.sleep(10)

    assert exit_code(hang) == 128 + signal.SIGINT


def test_an_error_that_an_interruption_became_is_the_interruption() -> None:
    def draw() -> None:
        with listening():
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt as error:
                raise SystemError("returned a result with an exception set") from error

    with pytest.raises(KeyboardInterrupt):
        draw()
