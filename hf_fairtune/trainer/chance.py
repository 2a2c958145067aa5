"""The state of every generator of random numbers, read and given back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class Chance:
    """The state of the generators of Python, of NumPy and of torch on the CPU and on each GPU."""

    python: Any
    numpy: Any
    cpu: torch.Tensor
    gpus: list[torch.Tensor]

    @classmethod
    def now(cls) -> Chance:
        """Read the state."""
        gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return cls(random.getstate(), np.random.get_state(), torch.get_rng_state(), gpus)  # noqa: NPY002

    def restore(self) -> None:
        """Give it back to the generators."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)  # noqa: NPY002
        torch.set_rng_state(self.cpu)
        if self.gpus:
            torch.cuda.set_rng_state_all(self.gpus)

    def same_as(self, other: Chance) -> bool:
        """Tell whether the next draws are the same."""
        arrays = [(self.cpu, other.cpu), *zip(self.gpus, other.gpus, strict=True)]
        plain = self.python == other.python and self.numpy[2:] == other.numpy[2:]
        return plain and np.array_equal(self.numpy[1], other.numpy[1]) and all(torch.equal(*pair) for pair in arrays)


@contextmanager
def unchanged_chance() -> Iterator[None]:
    """Give every generator its state back at the end."""
    before = Chance.now()
    try:
        yield
    finally:
        before.restore()
