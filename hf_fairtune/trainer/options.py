"""The arguments that `FairTrainer` hands on to the stock Trainer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import TrainerCallback


class TrainerOptions(TypedDict, total=False):
    """Further arguments of `Trainer`, under their own names."""

    model_init: Callable[..., nn.Module]
    train_dataset: Dataset[Any] | None
    eval_dataset: Dataset[Any] | None
    processing_class: Any
    data_collator: Callable[[list[Any]], dict[str, Tensor]]
    compute_metrics: Callable[[Any], dict[str, float]]
    compute_loss_func: Callable[..., Tensor]
    callbacks: list[TrainerCallback]
    optimizers: tuple[Any, Any]
