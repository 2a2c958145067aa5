"""A training stopped by a signal, or by its hours: after a step, with a checkpoint, on every process at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from ..search.fate import OutOfHours
from ..signals import Stopped, watch


def asked_of_any(args: TrainingArguments) -> signal.Signals | None:
    """Return the signal that asked a process of the run to stop, the same on every process; None where none did."""
    asked = watch.asked
    if args.world_size > 1 and distributed.is_initialized():
        numbers = torch.tensor(int(asked or 0), device=args.device)
        distributed.all_reduce(numbers, distributed.ReduceOp.MAX)
        asked = signal.Signals(int(numbers)) if numbers else None
    return asked


def stop_if_asked(args: TrainingArguments, where: str) -> None:
    """Stop here, on every process, if a signal asked for it; all that is done so far is on disk.

    Raises:
        Stopped: it did.
    """
    if (asked := asked_of_any(args)) is not None:
        raise Stopped(asked, where)


class StopOnSignal(TrainerCallback):
    """Stop a training after the step in which a signal came: save a checkpoint where the trial has its own, and raise.

    The last step of an epoch is followed by its evaluation first, and one in an evaluation waits for the step after
    it, so that a training that goes on has missed nothing. One that is at its end comes to it. To be put before
    callbacks that write into checkpoints, within `stopping_safely` or `listening`; a stock Trainer can have it.

    Args:
        hours_are_up: tells, the same on every process, whether the hours of a run stop the training as well.

    Raises:
        Stopped: once the checkpoint is whole; or OutOfHours.
    """

    def __init__(self, hours_are_up: Callable[[], bool] = lambda: False) -> None:
        self.hours_are_up = hours_are_up
        self.asked: signal.Signals | None = None
        self._is_out_of_hours = False

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Have a checkpoint saved, unless the epoch ends."""
        if not float(state.epoch or 0).is_integer():
            self._look(args, state, control)

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Have a checkpoint saved at the end of an epoch."""
        self._look(args, state, control)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Stop, as the checkpoint is whole."""
        if control.should_training_stop:
            return
        if self._is_out_of_hours:
            raise OutOfHours
        if self.asked is not None:
            place = Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
            raise Stopped(self.asked, f"at step {state.global_step} of {state.max_steps}, `{place}` is written")

    def _look(self, args: TrainingArguments, state: TrainerState, control: TrainerControl) -> None:
        if state.global_step < state.max_steps:
            self.asked = self.asked or asked_of_any(args)
            self._is_out_of_hours = self.hours_are_up()
        control.should_save = control.should_save or self.asked is not None or self._is_out_of_hours
