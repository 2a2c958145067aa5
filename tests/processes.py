"""Two processes of one run, forked from this one, which has imported everything: they cost no start."""

import json
import os
import signal
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

COUNT = 2


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def start(work: Callable[[], Any], folder: Path, count: int = COUNT) -> list[int]:
    """Fork processes that work as those of `accelerate launch` do; each writes what it made, or its error."""
    folder.mkdir(parents=True, exist_ok=True)
    port, made = str(free_port()), []
    for rank in range(count):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads, which sleep here
            process = os.fork()
        if not process:
            _work(work, folder, rank, count, port)
        made.append(process)
    return made


def _work(work: Callable[[], Any], folder: Path, rank: int, count: int, port: str) -> None:
    status, output = 1, os.open(folder / f"rank{rank}.log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
    warnings.simplefilter("ignore")
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in places.items()}, MASTER_ADDR="127.0.0.1")
    os.environ["ACCELERATE_USE_CPU"] = "true"
    try:
        from accelerate.state import AcceleratorState, GradientState, PartialState

        for state in (AcceleratorState, GradientState, PartialState):
            state._shared_state.clear()
        found = work()
        (folder / f"rank{rank}.json").write_text(json.dumps(found))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def wait(processes: list[int], seconds: float = 120) -> list[int]:
    """Wait for processes; return their exit status, of a killed one minus the signal. Late ones are killed."""
    found, until = dict[int, int](), time.monotonic() + seconds
    while len(found) < len(processes):
        for process in processes:
            if process in found:
                continue
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                found[process] = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > until:
                os.kill(process, signal.SIGKILL)
        time.sleep(0.02)
    return [found[process] for process in processes]


def together(work: Callable[[], Any], folder: Path, count: int = COUNT, seconds: float = 120) -> list[Any]:
    """Work on several processes; return what each made."""
    assert wait(start(work, folder, count), seconds) == [0] * count, (folder / "rank0.log").read_text()[-4000:]
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(count)]
