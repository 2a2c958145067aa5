"""A model that teaches another: its probabilities of the very same pixels stand for the labels."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .method import Batch, forward


@dataclass(frozen=True)
class Teacher:
    """Gives the probabilities of `model`, which is in evaluation mode, for a training batch; see `Method.taught`.

    Args:
        model: takes `pixel_values` and has `logits`.
        trials: numbers of those that the model is made of; a checkpoint of its student names them.

    Source: Hinton, Vinyals & Dean 2015, "Distilling the knowledge in a neural network", at temperature 1.
    """

    model: nn.Module
    trials: tuple[int, ...] = ()

    def __call__(self, batch: Batch) -> Tensor:
        """Return the probabilities of the classes, float32 [n, classes]; the model follows the batch to its device."""
        with torch.no_grad():
            logits: Tensor = forward(self.model.to(batch["labels"].device), batch).logits
        return logits.float().softmax(-1)
