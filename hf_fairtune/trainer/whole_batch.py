"""A loss over the rows of all processes: each calculates it whole, with gradients of its own rows."""

from __future__ import annotations

from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather, pad_across_processes
from torch import Tensor, nn

from ..methods.method import Batch, Method
from .group_metrics import GROUPS, LABELS


class WholeBatch(nn.Module):
    """A model whose logits are those of the rows of all processes; those of others have no gradient."""

    def __init__(self, model: nn.Module, rows: Tensor) -> None:
        super().__init__()
        # No submodule, as it is the trainer's.
        self.wrapped = (model,)
        self.sizes: list[int] = gather(torch.tensor([len(rows)], device=rows.device)).tolist()

    def forward(self, **columns: Tensor) -> Any:
        """Return the model's outputs for this process's rows, with the logits of all."""
        outputs = self.wrapped[0](**columns)
        parts = self.parts(outputs.logits.detach())
        parts[PartialState().process_index] = outputs.logits
        outputs.logits = torch.cat(parts)
        return outputs

    def parts(self, values: Tensor) -> list[Tensor]:
        """Return the values of all processes, one a row, in their order."""
        padded, size = gather(pad_across_processes(values)), max(self.sizes)
        return [padded[place * size : place * size + rows] for place, rows in enumerate(self.sizes)]


def loss_over_processes(method: Method, model: nn.Module, batch: Batch) -> tuple[Tensor, Any]:
    """Return the loss of the rows of all processes, times these, and the outputs.

    Gradients are means over processes, and each has those of its own rows: so they are those of the loss.
    """
    whole = WholeBatch(model, batch[LABELS])
    columns = {name: torch.cat(whole.parts(batch[name])) for name in (LABELS, GROUPS) if batch.get(name) is not None}
    loss, outputs = method.loss(whole, {**batch, **columns})
    return loss * PartialState().num_processes, outputs
