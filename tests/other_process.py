"""A process beside the test's, forked in a moment where a new one would take seconds to import."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from hf_fairtune.errors import FairTuneError


class Forked:
    """Run a function in a fork; it ends with 0, with 1 where it was refused, and with 2 by any other error.

    Args:
        body: a function, or one that returns a context, in which the fork then stays until it is killed.
        ready: whether to wait until that context is entered; else the body says when by `ready()`.
    """

    def __init__(self, body: Callable[[], Any], ready: bool = True) -> None:
        self._body, self._waits = body, ready
        self._read, self._write = os.pipe()
        self._status: int | None = None

    def __enter__(self) -> Forked:
        """Fork; raise what refused the other process's context."""
        self._pid = os.fork()
        if not self._pid:
            self._run()
        os.close(self._write)
        if self._waits and os.read(self._read, 1) != b"+":
            self.__exit__()
            raise FairTuneError("another process was refused")
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.kill(signal.SIGKILL)
        os.close(self._read)

    def ready(self) -> None:
        """Say, in the fork, that it has come so far."""
        os.write(self._write, b"+")

    def pause(self, seconds: float) -> None:
        """Wait, in the fork."""
        time.sleep(seconds)

    def kill(self, signal_number: int) -> None:
        """Send it a signal, and wait for its end."""
        if self._status is None:
            os.kill(self._pid, signal_number)
            self.end()

    def end(self) -> int:
        """Wait for its end, and return its status."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self._status

    def _run(self) -> None:
        try:
            found = self._body()
            if isinstance(found, AbstractContextManager):
                with found:
                    self.ready()
                    signal.pause()
            os._exit(0)
        except FairTuneError:
            os._exit(1)
        except BaseException:
            os._exit(2)
