"""Training from random weights: what the pre-training of a model was worth, a baseline of FairTune's tables."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import nn
from transformers import PreTrainedModel, TrainerCallback, TrainerState

from ..errors import FairTuneError
from .facts import Facts
from .method import Method, StageRecord


@dataclass(kw_only=True)
class Scratch(Method):
    """Train all parameters from the random start that the architecture's own initialiser gives by the run's seed.

    The weights that the model came with are overwritten when a training begins, in each trial of a search, too; a
    training that is resumed goes on from its checkpoint. Running statistics start again as well.
    """

    title: ClassVar[str] = "Training from scratch"
    citation: ClassVar[str] = """\
@inproceedings{raghu2019transfusion,
  title = {Transfusion: Understanding Transfer Learning for Medical Imaging},
  author = {Maithra Raghu and Chiyuan Zhang and Jon Kleinberg and Samy Bengio},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2019}
}"""
    trains: ClassVar[str] = "all parameters, from random weights"
    takes_mask: ClassVar[bool] = False

    seed: int = field(default=0, init=False, repr=False, compare=False)

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything; the weights are drawn when the training begins."""
        if not isinstance(model, PreTrainedModel):
            raise FairTuneError(
                f"{self.name} builds a {type(model).__name__} a second time by its config, which it lacks; let "
                "`model_init` give random weights, and train by the method full."
            )
        self.seed = facts.seed
        return super().prepare(model, facts)

    def callbacks(self) -> list[TrainerCallback]:
        """Return what draws the weights."""
        return [RandomStart(self.seed)]

    def record(self) -> StageRecord:
        """Return that the start was random; its seed is the run's."""
        return StageRecord({"start": "random weights"})


class RandomStart(TrainerCallback):
    """Overwrite a model's weights when a training begins by those of a new model of its config, drawn by a seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_begin(self, _: Any, state: TrainerState, *__: Any, **objects: Any) -> None:
        """Draw them, unless a checkpoint is resumed."""
        if state.global_step == 0:
            objects["model"].load_state_dict(random_copy(objects["model"], self.seed).state_dict())


def random_copy(model: Any, seed: int) -> nn.Module:
    """Return a new model of the same config and random weights, on the CPU so that every machine draws the same."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)
        copy: nn.Module = type(model)(model.config)
    return copy


METHOD = Scratch
