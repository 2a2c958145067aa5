"""The training loss since it was last logged, kept in checkpoints: a training that goes on logs the mean of all."""

from typing import Any

import torch
from transformers import Trainer, TrainerCallback, TrainerState
from transformers.trainer_callback import ExportableState


class LoggedLoss(TrainerCallback, ExportableState):
    """Keep the sum of the losses since the last log, and its step, in the state of every checkpoint.

    The stock Trainer begins with 0 where it resumes, so that within an epoch it would log the mean of the rest. Of
    several processes a checkpoint has the sum of the main one alone: they begin with 0, as in stock.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def state(self) -> dict[str, Any]:
        """Return what the Trainer writes; there is no sum before a training."""
        loss: torch.Tensor | None = getattr(self.trainer, "_tr_loss", None)
        since = getattr(self.trainer, "_globalstep_last_logged", 0)
        return {"args": {}, "attributes": {"loss": 0.0 if loss is None else loss.item(), "since": since}}

    def on_train_begin(self, args: Any, state: TrainerState, *_: Any, **__: Any) -> None:
        """Take up the checkpoint's sum, where one is resumed."""
        known = state.stateful_callbacks.get(type(self).__name__)
        if known is not None and args.world_size == 1 and state.global_step:
            self.trainer._tr_loss += known["attributes"]["loss"]
            self.trainer._globalstep_last_logged = known["attributes"]["since"]
