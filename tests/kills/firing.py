"""A command in a process of its own, hit by a signal at a given moment.

The process is forked from one that has everything imported: a start costs milliseconds, a death is as real as any.
"""

import faulthandler
import importlib
import os
import pkgutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

import hf_fairtune
from hf_fairtune.cli.main import main

# A process hangs that needs less than so many seconds of a processor in so many of the clock.
LEAST, PATIENCE = 1.0, 90.0
# Signals that wait while a process is forked.
HELD = {signal.SIGINT, signal.SIGTERM}


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Args:
        status: its exit status, or minus the signal that ended it.
        seconds: from its start to its end.
        hit: whether the signal was sent before it ended by itself.
    """

    status: int
    seconds: float
    hit: bool


def fire(
    arguments: Sequence[str],
    log: Path,
    stop: signal.Signals | None = None,
    after: float = 0.0,
    cwd: Path | None = None,
) -> Ended:
    """Run a command of `fairtune`; send it `stop` so many seconds after its start, unless it ended before.

    Raises:
        TimeoutError: it hangs.
    """
    start = time.monotonic()
    sys.stdout.flush()
    # What runs in a child as it is forked puts its locks in order: a signal that cut it short would leave a process
    # that no start of the command is.
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    child = os.fork()
    if not child:
        _become(arguments, log, cwd)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
    hit, process, spent, judged = False, psutil.Process(child), 0.0, start + after + PATIENCE
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return Ended(os.waitstatus_to_exitcode(status), time.monotonic() - start, hit)
        if stop is not None and not hit and time.monotonic() >= start + after:
            os.kill(child, stop)
            hit = True
        if time.monotonic() > judged:
            before, spent = spent, sum(process.cpu_times()[:2])
            if spent - before < LEAST:
                break
            judged += PATIENCE
        time.sleep(0.001)
    said = log.read_text()
    os.kill(child, signal.SIGUSR1)  # it writes down where each of its threads is
    time.sleep(1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise TimeoutError(f"`fairtune {arguments[0]}` hangs: {said[-600:]}\n{log.read_text()[len(said) :][:3000]}")


def _become(arguments: Sequence[str], log: Path, cwd: Path | None) -> None:
    """Be the command, from a fork on until the end of the process."""
    status = 70
    try:
        place = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(place, 1)
        os.dup2(place, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", buffering=1, closefd=False)
        faulthandler.register(signal.SIGUSR1, file=2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        if cwd is not None:
            os.chdir(cwd)
        status = main(arguments)
    except KeyboardInterrupt:  # before the command had begun
        status = 128 + signal.SIGINT
    except SystemExit as leave:
        status = leave.code if isinstance(leave.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        try:
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):
                    stream.flush()
        finally:
            os._exit(status)


def import_all() -> None:
    """Import every module of the package, and what a first run found missing, before anything is forked."""
    for module in pkgutil.walk_packages(hf_fairtune.__path__, "hf_fairtune."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
