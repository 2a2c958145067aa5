"""A Trainer for methods of several steps: measured once, then each step trained in its own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import set_seed
from transformers.trainer_utils import TrainOutput

from ..methods.method import Method
from .checkpoints import last_checkpoint
from .fitting import FittingTrainer


class StagedTrainer(FittingTrainer):
    """A `FittingTrainer` whose `train` goes through the steps of its method, one after another.

    The steps' checkpoints lie in `<output_dir>/<step>`; resuming takes each step from its last whole one.
    """

    def train(self, resume_from_checkpoint: Any = None, trial: Any = None, **kwargs: Any) -> Any:
        """Train as `Trainer.train`, or step by step where the method has steps."""
        if trial is not None or not self.method.stages():
            return super().train(resume_from_checkpoint, trial, **kwargs)
        whole = self.method.measure(self.model, self.measured_rows())
        model_init, self.model_init = self.model_init, None
        try:
            outputs = [self._train_step(stage, bool(resume_from_checkpoint), **kwargs) for stage in whole.stages()]
        finally:
            self.model_init, self.method = model_init, whole
        return outputs[-1]

    def measured_rows(self) -> Any:
        """Return the training rows as evaluation sees them; a data set given without `data` is taken as it is."""
        return self.train_dataset if self.data is None else self.data.plain(self.train_split)

    def _train_step(self, stage: Method, resume: bool, **kwargs: Any) -> TrainOutput:
        """Train one step, under its own arguments, callbacks and folder."""
        before, known = dict(self.args.__dict__), list(self.callback_handler.callbacks)
        self.args.output_dir = str(Path(self.args.output_dir) / stage.step)
        for name, value in stage.arguments().items():
            setattr(self.args, name, value)
        set_seed(self.args.seed)
        self.method, self.model = stage, stage.prepare(self.model)
        self.model_wrapped, self.optimizer, self.lr_scheduler = self.model, None, None
        for callback in stage.callbacks():
            self.add_callback(callback)
        try:
            folder = last_checkpoint(Path(self.args.output_dir)) if resume else None
            output: TrainOutput = super().train(folder, **kwargs)
        finally:
            self.args.__dict__.update(before)
            self.callback_handler.callbacks = known
        return output
