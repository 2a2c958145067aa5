"""A model that gives no numbers before it is trained, which no training can mend; refused before trials are spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..errors import FairTuneError

if TYPE_CHECKING:
    from transformers import Trainer


def check_finite(model: nn.Module) -> None:
    """Check every weight and running statistic of a model.

    Raises:
        FairTuneError: names the first that is NaN or infinite.
    """
    for name, values in model.state_dict().items():
        if isinstance(values, Tensor) and values.is_floating_point() and not torch.isfinite(values).all():
            raise FairTuneError(
                f"the model has values in `{name}` that are NaN or infinite, before any training; give a whole model."
            )


def check_first_scores(trainer: Trainer, outputs: Any) -> None:
    """Check the logits of the first batch of a training, on every process.

    Raises:
        FairTuneError: the model gives some that are NaN or infinite, on one of them.
    """
    logits = outputs.get("logits") if isinstance(outputs, dict) else None
    broken = logits is not None and not torch.isfinite(logits.detach()).all()
    flag = torch.tensor(float(broken), device=trainer.args.device).reshape(1)
    if trainer.accelerator.gather(flag).any():
        raise FairTuneError(
            "the model gives scores of the first images that are NaN or infinite, before any step; check its weights, "
            "the images and their normalisation, or train without fp16."
        )
