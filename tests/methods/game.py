"""What the tests of losses of features share: short trainings, batches, logits of adversaries to feed a loss with."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import nn
from transformers import ViTForImageClassification

from hf_fairtune import FairTrainer
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.method import Batch, Method
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments


def ends(folder: Path, *methods: Method, data: Dataset | None = None, **options: Any) -> list[dict[str, torch.Tensor]]:
    """Train the tiny ViT by each method; return the state of each at the end."""
    found = []
    for i, method in enumerate(methods):
        args = arguments(folder / str(i), learning_rate=1e-2, warmup_steps=0, **options)
        rows = table() if data is None else data
        # A new model is prepared after the training's seed is set: what that drew would shift the dropout.
        start = {"model_init": dropping_vit, "train_dataset": rows, "eval_dataset": table(64, 1)}
        run = FairTrainer(args=args, method=method, **start)
        run.train()
        found.append(run.model.state_dict())
    return found


def dropping_vit() -> ViTForImageClassification:
    """Return the tiny ViT with dropout, which draws at each step."""
    model = tiny_vit()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.2
    return model


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def facts(groups: int = 2, classes: int = 2, cells: list[list[int]] | None = None, seed: int = 0) -> Facts:
    """Facts of some groups, with as many rows in each cell where none are given."""
    counts = np.full((groups, classes), 9) if cells is None else np.array(cells)
    return Facts(tuple("abcdef"[:groups]), classes, counts, seed=seed)


def batch(groups: int = 2, classes: int = 2, n: int = 12) -> Batch:
    """Return images whose labels and groups go together unevenly."""
    draw = torch.Generator().manual_seed(3)
    return {
        "pixel_values": torch.randn(n, 3, 16, 16, generator=draw),
        "labels": torch.randint(classes, (n,), generator=draw),
        "groups": torch.randint(groups, (n,), generator=draw),
    }


def noise(*shape: int, seed: int = 5) -> torch.Tensor:
    """Return logits or features, float64, with a gradient."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()
