"""The clock of a training's first steps, stage by stage."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

# The first step makes the optimizer's state and is not timed.
TIMED = 3


@dataclass
class Stage:
    """Marks of one stage on the clock, in seconds: its begin, the end of each step, evaluation and checkpoint."""

    begin: float
    batches: int
    n_epochs: float
    steps: list[float] = field(default_factory=list)
    evaluation: float = 0.0
    checkpoint: float = 0.0
    end: float = 0.0

    @property
    def step(self) -> float:
        """Return the seconds of a step, with its images: the mean without the first, where there are more."""
        if not self.steps:
            return 0.0
        first, rest = self.steps[0], len(self.steps) - 1
        return (self.steps[-1] - first) / rest if rest else first - self.begin

    def length(self, args: TrainingArguments, scale: float) -> tuple[int, float]:
        """Return the steps and epochs of the stage on all rows, of which there are `scale` times those timed."""
        an_epoch = math.ceil(math.ceil(self.batches * scale) / args.gradient_accumulation_steps)
        if args.max_steps > 0 and self.n_epochs > 0:
            return args.max_steps, args.max_steps / an_epoch
        return math.ceil(an_epoch * self.n_epochs), self.n_epochs


class Stopwatch(TrainerCallback):
    """Time the first steps of each stage, then one evaluation and one checkpoint, and stop the stage."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.start = self.stop = 0.0

    @property
    def rest(self) -> float:
        """Return the seconds of the whole outside of the stages' steps."""
        return self.stop - self.start - sum(stage.end - stage.begin for stage in self.stages)

    @property
    def evaluation(self) -> float:
        """Return the seconds of an evaluation, 0 where there was none."""
        return max((stage.evaluation for stage in self.stages), default=0.0)

    def on_train_begin(self, args: Any, *_: Any, train_dataloader: Any, **__: Any) -> None:
        """Begin a stage."""
        self.stages.append(Stage(now(args), len(train_dataloader), args.num_train_epochs))

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Mark a step, and after the last one ask for an evaluation and a checkpoint."""
        self.stages[-1].steps.append(now(args))
        if state.global_step >= min(1 + TIMED, state.max_steps):
            control.should_evaluate = control.should_save = control.should_training_stop = True

    def on_evaluate(self, args: Any, *_: Any, **__: Any) -> None:
        """Mark the evaluation: it follows the last step or, in a training without one, the whole."""
        stage = self.stages[-1]
        stage.evaluation = now(args) - (stage.steps[-1] if stage.steps else self.stop)

    def on_save(self, args: Any, *_: Any, **__: Any) -> None:
        """Mark the checkpoint."""
        stage = self.stages[-1]
        stage.checkpoint = now(args) - stage.steps[-1] - stage.evaluation

    def on_train_end(self, args: Any, *_: Any, **__: Any) -> None:
        """End a stage."""
        self.stages[-1].end = now(args)


def now(args: TrainingArguments) -> float:
    """Return the time when the accelerator has done what it was given."""
    if args.device.type == "cuda":
        torch.cuda.synchronize(args.device)
    return time.monotonic()
