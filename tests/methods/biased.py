"""Rows whose group shows more than their label, and a model that took the one for the other."""

import copy
from functools import cache
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch.nn.functional import cross_entropy

from tests.conftest import table, tiny_vit


def marked(n: int = 96, seed: int = 0, share: float = 0.8) -> Dataset:
    """Build a split of a faint label and a bright second group, of whose rows that share is positive."""
    draw = np.random.default_rng(seed)
    groups = draw.integers(0, 2, n)
    labels = (draw.random(n) < np.where(groups == 1, share, 1 - share)).astype(int)
    pixels = draw.normal(0.05 * (2 * labels - 1)[:, None, None, None], 1.0, (n, 3, 16, 16)).astype(np.float32)
    pixels[:, 0] += 0.3 * groups[:, None, None]
    columns = {"pixel_values": list(pixels), "labels": labels, "groups": groups}
    return Dataset.from_dict(columns, features=table(2).features).with_format("torch")


def biased() -> Any:
    """Return a model of its own."""
    return copy.deepcopy(_trained())


@cache
def _trained() -> Any:
    model, rows = tiny_vit(2), marked(192, 7)[:]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(120):
        optimizer.zero_grad()
        cross_entropy(model(pixel_values=rows["pixel_values"]).logits, rows["labels"]).backward()
        optimizer.step()
    optimizer.zero_grad()
    return model.eval()
