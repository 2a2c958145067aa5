"""The uses of training rows: each is augmented by draws of its own, whichever process reads it, and when."""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

from datasets import Dataset
from torch import Generator
from torch.utils.data import Sampler

from .augment import seeded
from .transform import transform_in, transform_of

# What decides the draws of a use; a run that others decided does not go on by these.
DECIDED_BY = "seed, epoch and place"


class Use(NamedTuple):
    """A row at its place in the order of an epoch, where it may come several times."""

    row: int
    seed: int
    epoch: int
    place: int

    def draw(self) -> Generator:
        """Return the generator that augments it, which seed, epoch and place decide."""
        return seeded(self.seed, self.epoch, self.place)


class Uses(Sampler[Use]):
    """Yield the rows of a sampler, in its order, as uses; `set_epoch` is passed on to it."""

    def __init__(self, rows: Sampler[int], seed: int) -> None:
        self.rows, self.seed, self.epoch = rows, seed, 0

    def __len__(self) -> int:
        return len(self.rows)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Use]:
        epoch = self.epoch
        return (Use(row, self.seed, epoch, place) for place, row in enumerate(self.rows))

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch."""
        self.epoch = epoch
        if hasattr(self.rows, "set_epoch"):
            self.rows.set_epoch(epoch)


class UsedRows(Dataset):
    """A split that is augmented at each use, to be read by uses in place of indices."""

    @classmethod
    def of(cls, rows: Any) -> Any:
        """Return such a split of `load_fair_dataset` to be read so; other rows as they are."""
        transform = transform_in(rows)
        if transform is None or transform.is_fixed:
            return rows
        found = copy.copy(rows)
        found.__class__ = cls
        return found

    def __getitems__(self, keys: list[Use]) -> list[dict[str, Any]]:
        """Return the rows of some uses."""
        transform = transform_of(self)
        transform.draws = [use.draw() for use in keys]
        try:
            rows: list[dict[str, Any]] = super().__getitems__([use.row for use in keys])
            return rows
        finally:
            transform.draws = None
