"""Rows drawn so that every class, every group, or every group with every label comes equally often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch.utils.data import Sampler

from ..errors import FairTuneError

Drawn = Literal["balanced", "group", "group_label"]
COLUMNS: dict[str, tuple[str, ...]] = {
    "balanced": ("labels",),
    "group": ("groups",),
    "group_label": ("groups", "labels"),
}


class BalancedSampler(Sampler[int]):
    """Draw as many rows as there are, with replacement, each with weight 1 / rows of its cell.

    `set_epoch`, which accelerate calls, gives each epoch draws of its own; they depend on seed and epoch alone. Rows
    of equal cells are drawn uniformly.

    Args:
        cells: numbers that tell the cells apart, [n].
        seed: of the draws.

    Example:
        >>> class GroupTrainer(transformers.Trainer):
        ...     def _get_train_sampler(self, train_dataset=None):
        ...         return balanced_sampler("group_label", self.train_dataset, self.args.seed)
    """

    def __init__(self, cells: np.ndarray, seed: int) -> None:
        self.seed, self.epoch = seed, 0
        _, codes, counts = np.unique(cells, return_inverse=True, return_counts=True)
        self.weights = torch.from_numpy((1.0 / counts)[codes])

    def __len__(self) -> int:
        return len(self.weights)

    def __iter__(self) -> Iterator[int]:
        draw = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return iter(torch.multinomial(self.weights, len(self), replacement=True, generator=draw).tolist())

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch."""
        self.epoch = epoch


def balanced_sampler(drawn: Drawn, data: Any, seed: int) -> BalancedSampler:
    """Return the sampler of a `datasets.Dataset` with the columns `labels` and `groups`.

    Args:
        drawn: what comes equally often: "balanced" for every class, "group" for every group, "group_label" for every
            group with every label that it has.
        data: rows to draw from.
        seed: of the draws.

    Raises:
        FairTuneError: another word, rows without these columns, or labels of several findings a row.
    """
    if drawn not in get_args(Drawn):
        raise FairTuneError(f"`sampler` is {drawn!r}; choose {', '.join(get_args(Drawn))}.")
    lacking = set(COLUMNS[drawn]) - set(getattr(data, "column_names", None) or ())
    if lacking or not hasattr(data, "__len__"):
        raise FairTuneError(
            f"`sampler` {drawn} draws by the column {' and '.join(COLUMNS[drawn])} of a `datasets.Dataset`, which the "
            "training data lack; give it, or leave the sampler out."
        )
    columns = [np.asarray(data.with_format(None)[name][:]) for name in COLUMNS[drawn]]
    if columns[-1].ndim > 1:
        raise FairTuneError(
            f"`sampler` is {drawn}, but a row has several labels, so that no draw holds each equally often; use "
            "`class_weights` balanced, or the sampler group."
        )
    return BalancedSampler(np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1].ravel(), seed)
