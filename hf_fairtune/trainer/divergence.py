"""A training loss that is not finite, noticed without waiting for the accelerator at each step."""

import torch
from transformers import Trainer

from ..errors import FairTuneError


class DivergedError(FairTuneError):
    """The training loss is not a number any more."""


class Divergence:
    """Whether a loss of this process was not finite since `refuse` last asked."""

    seen: torch.Tensor | bool = False

    def note(self, loss: torch.Tensor) -> None:
        """Look at the loss of a batch."""
        self.seen = self.seen | ~torch.isfinite(loss.detach())

    def refuse(self, trainer: Trainer) -> None:
        """Raise on every process if a loss of one was not finite; for evaluations, not for each step."""
        flag = torch.as_tensor(self.seen, device=trainer.args.device, dtype=torch.float32).reshape(1)
        self.seen = False
        if trainer.accelerator.gather(flag).any():
            rate = trainer.args.learning_rate
            raise DivergedError(f"the training loss is NaN or infinite; lower `learning_rate` (now {rate:g}).")
