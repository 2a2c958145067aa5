"""A training stopped by a signal: at the end of a step, with a checkpoint, on every process at once."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

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

    Raises:
        Stopped: once the checkpoint is whole.
    """

    asked: signal.Signals | None = None

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Have a checkpoint saved, unless the epoch ends."""
        if not float(state.epoch or 0).is_integer():
            self._look(args, state, control)

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Have a checkpoint saved at the end of an epoch."""
        self._look(args, state, control)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Stop, as the checkpoint is whole."""
        if self.asked is not None and not control.should_training_stop:
            place = Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
            raise Stopped(self.asked, f"at step {state.global_step} of {state.max_steps}, `{place}` is written")

    def _look(self, args: TrainingArguments, state: TrainerState, control: TrainerControl) -> None:
        if self.asked is None and state.global_step < state.max_steps:
            self.asked = asked_of_any(args)
        control.should_save = control.should_save or self.asked is not None
