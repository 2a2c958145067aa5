"""A model that teaches another: its probabilities of the very same pixels stand for the labels."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..losses.one_vs_rest import has_findings
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
        """Return the probabilities of classes or findings, float32; the model follows the batch to its device."""
        labels = batch["labels"]
        with torch.no_grad():
            logits: Tensor = forward(self.model.to(labels.device), batch).logits.float()
        return logits.sigmoid() if has_findings(labels) else logits.softmax(-1)
