"""Signals and failures at chosen steps of this process, whichever trainer takes them."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hf_fairtune import FairTrainer


@contextmanager
def before_steps(act: Callable[[int], None]) -> Iterator[None]:
    """Do something before each step, which is counted from 1."""
    take, count = FairTrainer.training_step, 0

    def step(self: FairTrainer, *args: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        act(count)
        return take(self, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FairTrainer, "training_step", step)
        yield


@contextmanager
def signal_in_step(wanted: int, kind: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    """Send this process a signal in one step."""

    def act(step: int) -> None:
        if step == wanted:
            signal.raise_signal(kind)

    with before_steps(act):
        yield


@contextmanager
def failing(error: BaseException, times: int = 1, first: int = 5) -> Iterator[None]:
    """Let the steps fail from one on, so many of them."""

    def act(step: int) -> None:
        if first <= step < first + times:
            raise error

    with before_steps(act):
        yield
