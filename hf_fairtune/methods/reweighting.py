"""Reweighting: every row counts in inverse proportion to how many there are like it."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import FairTuneError
from ..losses.one_vs_rest import has_findings
from .facts import Facts
from .method import Batch, Method, Needs, flag, forward

By = Literal["group", "label", "group_label", "independent"]


@dataclass(kw_only=True)
class Reweighting(Method):
    """Minimise the mean over rows of w times the cross-entropy of a row.

    Of n rows and k cells that have any, a row of cell c has w = n / (k n_c), on average 1: MEDFAIR's resampling (Zong
    et al., ICLR 2023) as weights. By "independent" it is Kamiran and Calders' reweighing, w = n_g n_y / (n n_gy):
    groups and labels keep their shares, and no longer go together. Where all weights are 1, as on balanced data, this
    is plain fine-tuning bit for bit.
    """

    title: ClassVar[str] = "Reweighting"
    citation: ClassVar[str] = """\
@article{kamiran2012data,
  title = {Data Preprocessing Techniques for Classification without Discrimination},
  author = {Faisal Kamiran and Toon Calders},
  journal = {Knowledge and Information Systems},
  volume = {33},
  number = {1},
  pages = {1--33},
  year = {2012},
  doi = {10.1007/s10115-011-0463-8}
}"""

    needs: ClassVar[Needs] = Needs(attribute_at_train=True)

    by: By = flag(
        "group_label",
        "What weighs the same in all: every group, label, or group with each label; independent keeps the shares of "
        "groups and labels (Kamiran & Calders).",
    )
    weights: Tensor = field(default_factory=lambda: torch.zeros(0), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse a word that is none of the choices."""
        if self.by not in get_args(By):
            raise FairTuneError(f"`by` is {self.by!r}; choose {', '.join(get_args(By))}.")

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything, with weights from the rows of each group and label.

        Raises:
            FairTuneError: there are no groups, or labels of which a row has several.
        """
        facts.check_groups(self.name)
        if facts.cells.shape[1] != facts.n_classes and self.by != "group":
            raise FairTuneError(
                f"`by` is {self.by!r}, but a row has several labels; give group, or use `class_weights` balanced."
            )
        self.weights = torch.from_numpy(weights_of(facts.cells, self.by))
        return super().prepare(model, facts)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Any]:
        """Return the weighted mean loss; in evaluation the plain one."""
        if not torch.is_grad_enabled() or bool((self.weights == 1).all()):
            return super().loss(model, batch)
        outputs, labels, groups = forward(model, batch), batch["labels"], batch["groups"]
        weights = self.weights.to(groups.device, torch.float32)
        rows = weights[groups, 0 if has_findings(labels) else labels]
        return self.cross_entropy(outputs.logits, labels, rows), outputs


def weights_of(cells: np.ndarray, by: By) -> np.ndarray:
    """Return the weight of a row by group and class, float64; 1 in a cell without rows.

    Args:
        cells: rows by group and class, int [n_groups, n_classes]; of findings by group, [n_groups, 1].
        by: as `Reweighting` has it.
    """
    groups, labels = cells.sum(1, keepdims=True), cells.sum(0, keepdims=True)
    if by == "independent":
        wanted, counts = groups * labels, cells.sum() * cells
    else:
        counts = {"group": groups, "label": labels, "group_label": cells}[by]
        wanted, counts = np.full(counts.shape, cells.sum()), np.count_nonzero(counts) * counts
    weights = np.where(counts > 0, wanted / np.maximum(counts, 1), 1.0)
    return np.array(np.broadcast_to(weights, cells.shape))


METHOD = Reweighting
