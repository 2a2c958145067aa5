"""A stock Trainer on a model and data small enough to train in a blink."""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import Trainer, TrainerCallback, TrainingArguments

OPTIMIZERS: dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "decay": (torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {"weight_decay": 0.1}),
}


class Small(nn.Module):
    """A convolution, a BatchNorm, dropout and a head; the loss is the mean over the batch."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4, 2)

    def forward(self, pixel_values: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.drop(self.norm(self.conv(pixel_values)).relu().mean((2, 3)))
        logits = self.head(features)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


class Plain(Small):
    """Without what makes a batch differ from its halves, or a pass from the next."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.drop = nn.Identity(), nn.Identity()


def rows(n: int = 8) -> list[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [
        {"pixel_values": torch.randn(3, 6, 6, generator=generator), "labels": torch.tensor(i % 2)} for i in range(n)
    ]


def trainer_of(
    model: nn.Module, folder: Path, *callbacks: TrainerCallback, optimizer: str = "sgd", **options: Any
) -> Trainer:
    """Build a Trainer that takes one step of 8 rows, unless told otherwise."""
    usual: dict[str, Any] = {"per_device_train_batch_size": 8, "max_steps": 1, "learning_rate": 0.1}
    usual |= {"max_grad_norm": 0.0, "lr_scheduler_type": "constant", "save_strategy": "no", "report_to": "none"}
    usual |= {"use_cpu": True, "disable_tqdm": True, "logging_strategy": "no", "dataloader_pin_memory": False}
    args = TrainingArguments(str(folder), **usual | options)
    kind, settings = OPTIMIZERS[optimizer]
    chosen = kind([p for p in model.parameters() if p.requires_grad], lr=args.learning_rate, **settings)
    return Trainer(model, args, train_dataset=rows(), callbacks=list(callbacks), optimizers=(chosen, None))


def trained(model: nn.Module, folder: Path, *callbacks: TrainerCallback, **options: Any) -> dict[str, torch.Tensor]:
    """Train and return the parameters."""
    trainer_of(model, folder, *callbacks, **options).train()
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def constant(model: nn.Module, value: float) -> dict[str, torch.Tensor]:
    """Return the same mask for every weight."""
    return {name: torch.full(p.shape, value) for name, p in model.named_parameters()}


def uniform(model: nn.Module, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return a mask with every kind of value: 0, 1 and between."""
    generator = torch.Generator().manual_seed(seed)
    drawn = {n: torch.rand(p.shape, generator=generator) for n, p in model.named_parameters()}
    return {name: ((values - 0.25) * 2).clamp(0, 1) for name, values in drawn.items()}


def start(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
