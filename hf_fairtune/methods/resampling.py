"""Resampling: every group, label, or group with each label comes equally often in an epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from torch.utils.data import Sampler

from ..data.balanced_sampler import Drawn, balanced_sampler
from ..errors import FairTuneError
from .facts import Facts
from .method import Method, Needs, flag

By = Literal["group", "label", "group_label"]
DRAWN: dict[str, Drawn] = {"group": "group", "label": "balanced", "group_label": "group_label"}


@dataclass(kw_only=True)
class Resampling(Method):
    """Draw as many rows as there are, with replacement, each with weight 1 / rows of its cell; all parameters move.

    Of data in which the cells have equally many rows it is plain fine-tuning, bit for bit.
    """

    title: ClassVar[str] = "Resampling"
    citation: ClassVar[str] = """\
@inproceedings{idrissi2022simple,
  title = {Simple data balancing achieves competitive worst-group-accuracy},
  author = {Badr Youbi Idrissi and Martin Arjovsky and Mohammad Pezeshki and David Lopez-Paz},
  booktitle = {Conference on Causal Learning and Reasoning},
  year = {2022}
}"""

    needs: ClassVar[Needs] = Needs(attribute_at_train=True)

    by: By = flag("group_label", "What comes equally often: every group, label, or group with each label.")
    cells: np.ndarray = field(default_factory=lambda: np.zeros(0), init=False, repr=False, compare=False)
    seed: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse a word that is none of the choices."""
        if self.by not in get_args(By):
            raise FairTuneError(f"`by` is {self.by!r}; choose {', '.join(get_args(By))}.")

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything, and count the rows of each cell.

        Raises:
            FairTuneError: there are no groups, or labels of which a row has several.
        """
        facts.check_groups(self.name)
        if facts.cells.shape[1] != facts.n_classes and self.by != "group":
            raise FairTuneError(f"`by` is {self.by!r}, but a row has several labels; give group.")
        axis = {"group": 1, "label": 0, "group_label": None}[self.by]
        self.cells, self.seed = facts.cells if axis is None else facts.cells.sum(axis), facts.seed
        return super().prepare(model, facts)

    def rows(self, data: Any) -> Sampler[int] | None:
        """Draw the cells equally often; rows that are balanced come once each, as in plain fine-tuning."""
        present = self.cells[self.cells > 0]
        return balanced_sampler(DRAWN[self.by], data, self.seed) if len(np.unique(present)) > 1 else None

    def own_rows(self) -> str:
        """Say which rows are drawn."""
        return f"every {self.by.replace('_', ' with every ')} equally often"


METHOD = Resampling
