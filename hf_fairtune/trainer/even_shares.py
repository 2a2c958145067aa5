"""What each of several processes trains on: its part of the batch that one process would take, no row twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from accelerate import PartialState
from accelerate.data_loader import BatchSamplerShard
from accelerate.state import GradientState
from accelerate.utils import reduce


class EvenShares(BatchSamplerShard):
    """The shard of accelerate, which fills the last batch with rows from the beginning, without these.

    The last batch is divided evenly, in blocks that stay whole; only one of fewer blocks than processes repeats some.
    """

    block: int

    @classmethod
    def of(cls, loader: Any, block: int = 1) -> Any:
        """Make the shards of a loader that accelerate prepared even; one of another kind stays as it is."""
        shard: Any = getattr(loader, "batch_sampler", None)
        if type(shard) is BatchSamplerShard and not shard.split_batches and shard.batch_size and not shard.drop_last:
            shard.__class__, shard.block = cls, block
        return loader

    def __iter__(self) -> Iterator[list[int]]:
        """Yield this process's rows of each batch."""
        taken = list[list[int]]()
        for batch in self.batch_sampler:
            taken.append(batch)
            if len(taken) == self.num_processes and len(batch) == self.batch_size:
                yield taken[self.process_index]
                taken = []
        if taken:
            yield self.part([row for batch in taken for row in batch])

    def part(self, rows: list[int]) -> list[int]:
        """Return this process's part of the rows of a batch that is not full."""
        count, blocks = self.num_processes, -(-len(rows) // self.block)
        if blocks < count:
            rows, blocks = (rows * count)[: count * self.block], count
        first, last = (place * blocks // count * self.block for place in (self.process_index, self.process_index + 1))
        return rows[first:last]


def weight(rows: int, device: torch.device) -> torch.Tensor:
    """Return the weight of the mean over this process's rows in the mean over all, times the processes.

    Gradients are means over processes: so they are those of the mean over all rows. 1 where all have as many.
    """
    own = torch.tensor(float(rows), device=device)
    found: torch.Tensor = own * PartialState().num_processes / reduce(own.clone(), reduction="sum")
    return found


def is_filled_up() -> bool:
    """Tell whether the batch that is scored is the last one, and repeats rows on some process."""
    state = GradientState()
    return PartialState().num_processes > 1 and state.end_of_dataloader and state.remainder > 0


def real_rows(rows: int) -> int:
    """Return how many of this process's rows of such a batch are no repetitions."""
    return min(max(GradientState().remainder - PartialState().process_index * rows, 0), rows)
