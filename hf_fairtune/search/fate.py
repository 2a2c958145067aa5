"""What becomes of a trial that does not simply come to its end: left open, run again, or failed."""

from __future__ import annotations

import optuna
from optuna.trial import BaseTrial

from ..document.search import Cause, Failure

# User attributes of a trial: why it failed, for what it was run again, and the batch that it found.
FAILURE, RETRIED, BATCH_SIZE = "failure", "retried", "batch_size"


class InterruptedSearch(BaseException):
    """What ended a search in a trial; Optuna would file the reason as a failed trial, and this one leaves it open."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(str(reason))
        self.reason = reason


class OutOfHours(BaseException):
    """The hours of the run stop a trial; what it needs to go on, where it is given more of them, is on disk."""


def note_retry(trial: BaseTrial, cause: Cause) -> None:
    """Note for what a trial is run again."""
    if isinstance(trial, optuna.Trial):
        trial.set_user_attr(RETRIED, [*retries(trial), cause])


def retries(trial: BaseTrial) -> list[Cause]:
    """Return for what a trial was run again."""
    found: list[Cause] = trial.user_attrs.get(RETRIED, [])
    return found


def note_failure(trial: BaseTrial, failure: Failure) -> None:
    """Note why a trial fails."""
    if isinstance(trial, optuna.Trial):
        trial.set_user_attr(FAILURE, failure)


def note_batch(trial: BaseTrial, size: int) -> None:
    """Note the images a step and device that a trial found itself."""
    if isinstance(trial, optuna.Trial):
        trial.set_user_attr(BATCH_SIZE, size)
