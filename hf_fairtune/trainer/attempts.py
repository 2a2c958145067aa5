"""A trial whose surroundings fail is run again, so often; no fault of its own, it is never lost."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TypeVar

from accelerate.utils.memory import clear_device_cache
from optuna.trial import BaseTrial

from ..document.search import Cause
from ..errors import FairTuneError, first_line
from ..search.fate import note_retry
from ..signals import GOES_ON
from ..surroundings import WORDS, cause_of

# How often a trial is run in one process before the search ends or, for want of memory, the trial fails.
ATTEMPTS = 3
Output = TypeVar("Output")


class NoMemoryError(FairTuneError):
    """A trial does not fit into memory, as often as it was run."""


class SurroundingsError(FairTuneError):
    """What is around a trial failed as often as it was run; the trial is back in the queue."""

    is_of_one = True


def attempted(
    trial: BaseTrial, run: Callable[[], Output], own: tuple[type[Exception], ...], attempts: int = ATTEMPTS
) -> Output:
    """Run a trial until its surroundings let it, at most so many times, which its record counts.

    Args:
        trial: where the causes are noted.
        run: the whole trial, from its last checkpoint where it has one.
        own: errors of the trial itself.
        attempts: 1 on several processes, where one that fails alone leaves the others waiting.

    Raises:
        NoMemoryError: memory ran out each time, of several.
        SurroundingsError: something else failed each time, or memory ran out on several processes.
    """
    for attempt in itertools.count(1):
        try:
            return run()
        except Exception as error:  # others than those of the surroundings are raised again
            cause = None if isinstance(error, own) else cause_of(error)
            if cause is None:
                raise
            if attempt >= attempts:
                raise given_up(trial.number, attempts, cause, error) from error
            note_retry(trial, cause)
        clear_device_cache(garbage_collection=True)
    raise AssertionError


def given_up(number: int, attempts: int, cause: Cause, error: Exception) -> FairTuneError:
    """Return the error of a trial that was run so often.

    On several processes, of which the others wait, none may go on to another trial: no error there is the trial's own.
    """
    often = "once" if attempts == 1 else f"{attempts} times"
    if cause == "memory" and attempts > 1:
        return NoMemoryError(
            f"{WORDS[cause]} {often} ({first_line(error)}); lower per_device_train_batch_size, or set "
            "auto_find_batch_size."
        )
    return SurroundingsError(
        f"trial {number} was run {often}, but {WORDS[cause]} ({first_line(error)}); it is back in the queue, and "
        f"{GOES_ON}"
    )
