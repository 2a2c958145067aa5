"""The start of a training, kept where the Trainer looks for a batch that fits: a smaller one begins there again."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from .chance import Chance

if TYPE_CHECKING:
    from .method_trainer import MethodTrainer


@dataclass(frozen=True)
class Start:
    """Weights on the CPU, state of chance and of the method before the first step.

    Stock goes on with the weights as they are when memory ran out, which may be in a late step or an evaluation.
    """

    weights: dict[str, Tensor]
    chance: Chance
    method: dict[str, Any]

    @classmethod
    def of(cls, trainer: MethodTrainer) -> Start:
        """Keep the start of a training."""
        weights = {name: values.detach().to("cpu", copy=True) for name, values in trainer.model.state_dict().items()}
        return cls(weights, Chance.now(), copy.deepcopy(dict(trainer.method.state())))

    def restore(self, trainer: MethodTrainer) -> None:
        """Put a training back to its start, with a new optimizer."""
        trainer.model.load_state_dict(self.weights)
        trainer.method.load_state(self.method)
        trainer.divergence.seen = False
        trainer.optimizer = trainer.lr_scheduler = None
        self.chance.restore()


def batch_of(trainer: Any) -> int:
    """Return the images a step and device of the last training, which it may have found itself."""
    return int(trainer._train_batch_size) // max(1, trainer.args.n_gpu)
