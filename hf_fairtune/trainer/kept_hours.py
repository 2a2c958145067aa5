"""The hours of a run, written down as it trains."""

from typing import Any

from transformers import TrainerCallback

from ..search.hours import Clock


class KeptHours(TrainerCallback):
    """Write down a run's hours after each epoch, so that a kill loses those of one epoch at most."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        """Write down the hours."""
        self.clock.keep()
