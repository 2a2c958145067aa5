"""SIGINT and SIGTERM: while a training runs they are kept until it is safe to stop; a second one ends the process."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import Any

KINDS = (signal.SIGINT, signal.SIGTERM)
# A launcher passes on what the terminal, or Slurm, sent to its processes too, as the same signal to those of one run
# and as another signal to others: both are one request.
ECHO_SECONDS = 1.0
# Seconds in which a destructor ends.
MOMENT = 0.05
# Seconds after which a process that does not leave outside of trainings is ended.
LEAVING = 20.0
GOES_ON = "the same command goes on from here."


class Stopped(SystemExit):
    """A signal asked to stop, and whatever is needed to go on is on disk; the exit code is 128 + the signal."""

    def __init__(self, asked: signal.Signals, where: str = "") -> None:
        super().__init__(128 + asked)
        self.asked, self.where = asked, where

    def __str__(self) -> str:
        """Return the line for people."""
        by = "Ctrl-C" if self.asked is signal.SIGINT else self.asked.name
        return f"stopped by {by}{self.where and f' {self.where}'}; {GOES_ON}"


def nothing() -> None:
    """Do nothing, as no process is to leave."""


@dataclass
class Watch:
    """The first signal of this process that asked to stop, and who is to notice it.

    Args:
        asked: the signal; None where none came.
        owner: the process that listens; 0 for none.
        trainings: how many trainings, one within another, want to be stopped where it is safe.
    """

    asked: signal.Signals | None = None
    owner: int = 0
    trainings: int = 0
    _since: float = 0.0
    _before: dict[signal.Signals, Any] = field(default_factory=dict)
    _last: threading.Timer = field(default_factory=lambda: threading.Timer(LEAVING, nothing))

    def notice(self, number: int, _: FrameType | None) -> None:
        """Keep the first signal, and end the process at the second; outside of trainings raise as ever."""
        kind = signal.Signals(number)
        if os.getpid() != self.owner:
            # A child that was forked: Ctrl-C reaches its parent too, which decides.
            if kind is signal.SIGTERM:
                end_by(kind)
            return
        echo = kind is not self.asked or "RANK" in os.environ
        if self.asked is not None and not (echo and time.monotonic() - self._since <= ECHO_SECONDS):
            end_by(kind)
        if self.asked is None:
            self.asked, self._since = kind, time.monotonic()
        if not self.trainings:
            self._last.cancel()
            self._last = threading.Timer(LEAVING, self.leave_at_last)
            self._last.daemon = True
            self._last.start()
            raise KeyboardInterrupt if kind is signal.SIGINT else Stopped(kind)

    def begin(self) -> bool:
        """Listen, unless that is done already or this is not the main thread; return whether."""
        if self.owner == os.getpid() or threading.current_thread() is not threading.main_thread():
            return False
        self.asked, self.owner, self.trainings = None, os.getpid(), 0
        # What is ignored, as Ctrl-C is by a job in the background, stays ignored.
        heard = [kind for kind in KINDS if signal.getsignal(kind) is not signal.SIG_IGN]
        self._before = {kind: signal.signal(kind, self.notice) for kind in heard}
        return True

    def leave_at_last(self) -> None:
        """End the process at once if it is still about to leave: an exception may have left a lock that none frees."""
        if self.asked is not None and self.owner == os.getpid() and not self.trainings:
            os._exit(128 + self.asked)

    def end(self) -> None:
        """Put back the handlers that were there; one that is not of Python cannot be."""
        for kind, handler in self._before.items():
            signal.signal(kind, signal.SIG_DFL if handler is None else handler)
        self._last.cancel()
        self.asked, self.owner = None, 0


watch = Watch()


def end_by(kind: signal.Signals) -> None:
    """End this process at once by a signal, as the system would."""
    signal.signal(kind, signal.SIG_DFL)
    os.kill(os.getpid(), kind)


@contextmanager
def listening() -> Iterator[None]:
    """Listen to signals for a while; Ctrl-C is a KeyboardInterrupt, and SIGTERM raises `Stopped`.

    One that is raised in a destructor, which Python would print and forget, comes again a moment later.
    """
    mine, before = watch.begin(), sys.unraisablehook
    if mine:
        sys.unraisablehook = partial(_send_again, before)
    try:
        yield
    except Exception as error:  # a library in C may make an error of its own of the interruption
        if mine and watch.asked is not None:
            raise (KeyboardInterrupt if watch.asked is signal.SIGINT else Stopped(watch.asked)) from error
        raise
    finally:
        if mine:
            sys.unraisablehook = before
            watch.end()


def is_interruption(error: BaseException | None) -> bool:
    """Tell whether an error is the interruption by a signal, or what a library made of it."""
    while error is not None and not isinstance(error, KeyboardInterrupt | Stopped):
        error = error.__cause__ or error.__context__
    return error is not None


def _send_again(before: Callable[[Any], Any], swallowed: Any) -> None:
    asked = watch.asked
    if asked is None or not is_interruption(swallowed.exc_value):
        before(swallowed)
        return
    watch.asked = None
    again = threading.Timer(MOMENT, os.kill, (os.getpid(), asked))
    again.daemon = True
    again.start()


@contextmanager
def stopping_safely() -> Iterator[None]:
    """Train for a while: a signal is kept until `watch.asked` is read where it is safe, at the latest at the end.

    Raises:
        Stopped: by SIGTERM, or within `listening`.
        KeyboardInterrupt: by Ctrl-C, where nothing else listens.
    """
    mine = watch.begin()
    watch.trainings += 1
    try:
        yield
        if watch.trainings == 1 and watch.asked is not None:
            raise Stopped(watch.asked, "after a training")
    except Stopped as stop:
        if not mine:
            raise
        if os.environ.get("RANK", "0") == "0":
            print(stop, file=sys.stderr, flush=True)
        if stop.asked is signal.SIGINT:
            raise KeyboardInterrupt(str(stop)) from stop
        raise
    finally:
        watch.trainings -= 1
        if mine:
            watch.end()
