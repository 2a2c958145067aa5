"""A trial whose surroundings fail is run again, so often; no fault of its own, it is never lost.

On several processes one that fails alone leaves the others waiting, so that a start of the command is one attempt. A
file says which trial memory ran out in: the process that fails is perhaps not the one that has the study.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from accelerate.utils.memory import clear_device_cache
from optuna.trial import BaseTrial

from ..document.search import Cause
from ..errors import FairTuneError, first_line
from ..files.atomic import write_atomically
from ..search.fate import note_retry, retries
from ..signals import GOES_ON
from ..surroundings import WORDS, cause_of

# How often a trial is run before the search ends or, for want of memory, the trial fails.
ATTEMPTS = 3
Output = TypeVar("Output")


class NoMemoryError(FairTuneError):
    """A trial does not fit into memory, as often as it was run."""


class SurroundingsError(FairTuneError):
    """What is around a trial failed as often as it was run; the trial is back in the queue."""

    is_of_one = True


def attempted(
    trial: BaseTrial, run: Callable[[], Output], own: tuple[type[Exception], ...], mark: Path | None = None
) -> Output:
    """Run a trial until its surroundings let it, at most so many times, which its record counts.

    Args:
        trial: where the causes are noted.
        run: the whole trial, from its last checkpoint where it has one.
        own: errors of the trial itself.
        mark: on several processes, which run it once: the file that a failure of memory leaves to the next start.

    Raises:
        NoMemoryError: memory ran out each time.
        SurroundingsError: something else failed each time, or anything on several processes.
    """
    for attempt in itertools.count(1):
        try:
            return run()
        except Exception as error:  # others than those of the surroundings are raised again
            cause = None if isinstance(error, own) else cause_of(error)
            if cause is None:
                raise
            if mark is not None:
                raise of_this_start(trial.number, cause, error, mark) from error
            if attempt >= ATTEMPTS:
                raise given_up(trial.number, cause, error) from error
            note_retry(trial, cause)
        clear_device_cache(garbage_collection=True)
    raise AssertionError


def given_up(number: int, cause: Cause, error: Exception) -> FairTuneError:
    """Return the error of a trial that was run as often as it may be."""
    reason = first_line(error)
    if cause == "memory":
        return NoMemoryError(f"{too_large(reason)}, or set auto_find_batch_size.")
    return SurroundingsError(
        f"trial {number} was run {ATTEMPTS} times, but {WORDS[cause]} ({reason}); it is back in the queue, and "
        f"{GOES_ON}"
    )


def too_large(reason: str) -> str:
    """Say that a trial does not fit into memory, and what to do."""
    return f"{WORDS['memory']} {ATTEMPTS} times ({reason}); lower per_device_train_batch_size"


def of_this_start(number: int, cause: Cause, error: Exception, mark: Path) -> SurroundingsError:
    """Return the error that ends a start of several processes, of which none may go on to another trial alone."""
    reason = first_line(error)
    if cause == "memory":
        write_atomically(mark, reason)
    goes_on = f"; it fails after {ATTEMPTS} such starts, and {GOES_ON}" if cause == "memory" else f", and {GOES_ON}"
    return SurroundingsError(f"trial {number}: {WORDS[cause]} ({reason}); it is back in the queue{goes_on}")


def refusal(trial: BaseTrial, mark: Path) -> str | None:
    """Count what the start before left in `mark`; return why the trial fails, if it was run as often as it may be."""
    if not mark.is_file():
        return None
    reason = mark.read_text(encoding="utf-8", errors="replace")
    mark.unlink()
    if retries(trial).count("memory") + 1 >= ATTEMPTS:
        return f"{too_large(reason)}."
    note_retry(trial, "memory")
    return None
