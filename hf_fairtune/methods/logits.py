"""What a model gives for the rows of a view, in evaluation mode."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..families.frozen_eval import frozen_eval
from .method import forward


def logits_of(model: nn.Module, rows: Any) -> Tensor:
    """Return the logits of some rows in their order, float64 [n, classes] on the CPU; chance stays as it is."""
    device, found = next(model.parameters()).device, []
    # A loader draws a seed for its workers, from the global generator if it has none.
    loader = DataLoader(rows, batch_size=64, generator=torch.Generator())
    with frozen_eval(model), torch.no_grad():
        for batch in loader:
            outputs = forward(model, {"pixel_values": batch["pixel_values"].to(device)})
            found.append(outputs.logits.cpu().double())
    return torch.cat(found)
