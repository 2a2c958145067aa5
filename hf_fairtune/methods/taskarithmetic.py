"""Task arithmetic (Ilharco et al., ICLR 2023) by group: what training on each group changed is averaged and scaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from optuna.distributions import FloatDistribution
from torch import Tensor
from torch.utils.data import Sampler

from ..document.scalar import Scalar
from ..errors import FairTuneError, listed
from ..families.moved import tensors_of
from .chosen_rows import ChosenRows
from .facts import Facts
from .method import Method, Needs, StageRecord, flag
from .view_sampler import ViewSampler


@dataclass
class Weights:
    """What the trainings share: the state that each starts from, and by turn that of those that have ended."""

    start: Mapping[str, Tensor] = field(default_factory=dict)
    ended: dict[int, Mapping[str, Tensor]] = field(default_factory=dict)

    def mean(self) -> dict[str, Tensor]:
        """Return the mean state of the trainings that have ended; whole numbers are the last one's."""
        states = list(self.ended.values())
        return {
            name: torch.stack([state[name].double() for state in states]).mean(0).to(values.dtype)
            if values.is_floating_point()
            else values
            for name, values in states[-1].items()
        }


@dataclass(kw_only=True)
class TaskArithmetic(Method):
    """Train all parameters on the rows of each group alone, always from the same start; then combine what came of it.

    The weights are start + scale * mean over groups of (trained - start), so that a scale of `n_groups` adds the task
    vectors up. Running statistics are averaged, and not scaled. Any number of groups; with one, and a scale of 1, this
    is full fine-tuning, bit for bit.
    """

    title: ClassVar[str] = "Task arithmetic by group"
    citation: ClassVar[str] = """\
@inproceedings{ilharco2023editing,
  title = {Editing Models with Task Arithmetic},
  author = {Gabriel Ilharco and Marco Tulio Ribeiro and Mitchell Wortsman and Suchin Gururangan and Ludwig Schmidt and
            Hannaneh Hajishirzi and Ali Farhadi},
  booktitle = {International Conference on Learning Representations},
  year = {2023}
}
@misc{naganuma2025fairness,
  title = {On Fairness of Task Arithmetic: The Role of Task Vectors},
  author = {Hiroki Naganuma and Kotaro Yoshida and Laura Gomezjurado Gonzalez and Takafumi Horie and Yuji Naraki and
            Ryotaro Shimizu},
  year = {2025},
  eprint = {2505.24262},
  archivePrefix = {arXiv}
}"""
    needs: ClassVar[Needs] = Needs(attribute_at_train=True)
    trains: ClassVar[str] = "all parameters, once a group, then combined"

    scale: float = flag(
        1.0, "Lambda: what the mean change of the weights is multiplied by.", FloatDistribution(0.1, 2.0)
    )
    n_groups: int = flag(2, "Number of groups that have rows to train on; each is a training.")
    turn: int | None = field(default=None, repr=False)
    known: Weights = field(default_factory=Weights, repr=False, compare=False)
    group: int | None = field(default=None, init=False, repr=False, compare=False)
    trained_on: dict[str, Scalar] = field(default_factory=dict, init=False, repr=False, compare=False)
    seed: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse numbers without a meaning."""
        if not self.scale >= 0:
            raise FairTuneError(f"`scale` is {self.scale:g}; give 0 or more.")
        if self.n_groups < 1:
            raise FairTuneError(f"`n_groups` is {self.n_groups}; give 1 or more.")

    @property
    def stage(self) -> str:
        """Return "group_1" for the training of the first group, and so on, "all" for the whole."""
        return "all" if self.turn is None else f"group_{self.turn + 1}"

    def stages(self) -> list[Method]:
        """Return the trainings, one a group; they share the weights that they start from."""
        turns, known = range(self.n_groups) if self.turn is None else [self.turn], Weights()
        return [replace(self, turn=turn, known=known) for turn in turns]

    def own_rows(self) -> str:
        """Say which rows a training draws."""
        return "those of one group after the other"

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything from the start that all trainings have.

        Raises:
            FairTuneError: the rows have another number of groups.
        """
        counts = facts.cells.sum(1)
        present = np.flatnonzero(counts).tolist()
        if len(present) != self.n_groups:
            names = [facts.group_names[code] for code in present]
            raise FairTuneError(
                f"`n_groups` is {self.n_groups}, but the training rows have {len(present)} groups "
                f"({listed(names, 6) or 'none'}); give that number."
            )
        if self.turn is not None:
            self.group, self.seed = present[self.turn], facts.seed
            self.trained_on = {"group": facts.group_names[self.group], "rows": int(counts[self.group])}
        if self.turn == 0:
            self.known.start, self.known.ended = tensors_of(model), {}
        elif self.turn is not None:
            model.load_state_dict(self.known.start)
        return super().prepare(model, facts)

    def rows(self, data: Any) -> Sampler[int] | None:
        """Return the rows of this training's group; None where all rows are of it."""
        if self.group is None:
            return None
        rows = np.flatnonzero(np.asarray(data.with_format(None)["groups"][:]) == self.group)
        return None if len(rows) == len(data) else ChosenRows(rows, ViewSampler(len(rows), 1, self.seed))

    @torch.no_grad()
    def finish(self, model: Any) -> None:
        """Keep what came of a group's training; after the last, put the combination in place."""
        if self.turn is None:
            return
        self.known.ended[self.turn] = tensors_of(model)
        if self.turn < self.n_groups - 1:
            return
        mean = self.known.mean()
        model.load_state_dict(mean)
        for name, parameter in model.named_parameters():
            # `lerp` is exact at 0 and at 1.
            start = self.known.start[name].to(parameter)
            parameter.copy_(torch.lerp(start, mean[name].to(parameter), self.scale))

    def record(self) -> StageRecord:
        """Return the group that was trained on, and its rows."""
        return StageRecord(dict(self.trained_on))


METHOD = TaskArithmetic
