"""What each worker of a folder would do alike is done by one; the others wait, and find it done."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from transformers import TrainingArguments

from ..processes import once
from .stopping import stop_if_asked

# Seconds between two looks.
POLL = 1.0


@contextmanager
def in_turn(args: TrainingArguments, name: str, what: str) -> Iterator[None]:
    """Hold the lock `name` of the output folder while the body does `what`; a signal ends the wait for it.

    Every process of a run comes here; the main one holds the lock, which the system frees when it dies.

    Raises:
        Stopped: a signal came before the lock.
    """
    lock, waits = FileLock(Path(str(args.output_dir)) / f"{name}.lock"), False

    def taken() -> bool:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    while not once(taken):
        if not waits and args.process_index == 0:
            print(f"waiting for another worker, which does {what}", file=sys.stderr, flush=True)
        waits = True
        stop_if_asked(args, f"before {what}")
        time.sleep(POLL)
    try:
        yield
    finally:
        if lock.is_locked:
            Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()
