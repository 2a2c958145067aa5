"""The stock `Trainer` where an evaluation scores every row and a checkpoint gives back every weight."""

from typing import Any

from transformers import Trainer
from transformers.trainer_utils import EvalLoopOutput

from .checkpoints import load_whole


class WholeTrainer(Trainer):
    """The stock `Trainer`; `dataloader_drop_last` is of the training alone.

    `last_output` is that of the last evaluation or prediction.
    """

    last_output: EvalLoopOutput | None = None

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> EvalLoopOutput:
        """Evaluate as `Trainer` does, and keep the output."""
        self.last_output = None
        self.last_output = super().evaluation_loop(*args, **kwargs)
        return self.last_output

    def _get_dataloader(self, *args: Any, is_training: bool = False, **kwargs: Any) -> Any:
        asked = self.args.dataloader_drop_last
        self.args.dataloader_drop_last = asked and is_training
        try:
            return super()._get_dataloader(*args, is_training=is_training, **kwargs)
        finally:
            self.args.dataloader_drop_last = asked

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if not load_whole(self, self.model if model is None else model, resume_from_checkpoint):
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _load_best_model(self) -> None:
        if not load_whole(self, self.model, self.state.best_model_checkpoint):
            super()._load_best_model()
