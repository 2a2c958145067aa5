"""Views of training images that stay: each image is augmented in a few ways, which come in turn, one an epoch."""

from dataclasses import dataclass

from .augment import Draws, seeded


@dataclass(frozen=True)
class StoredView:
    """The view of that number, which is drawn from a seed."""

    seed: int
    number: int

    @classmethod
    def of(cls, seed: int, epoch: int, count: int) -> "StoredView":
        """Return the view of an epoch, counted from 0, where there are `count`."""
        return cls(seed, epoch % count)

    def draws(self, rows: list[int]) -> Draws:
        """Return the generators of some rows, which seed, view and row decide."""
        return [seeded(self.seed, self.number, row) for row in rows]
