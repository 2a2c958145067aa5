"""DomainInd (Wang et al., CVPR 2020): one block of logits a group in training, their sum for everyone afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import FairTuneError
from .attached import Attached, attach, detach, take_seen
from .facts import Facts
from .method import Batch, Method, Needs, forward


class Blocks(Attached):
    """The blocks of all groups but the first, which is the head's layer itself; together they are the layer as it was.

    Each block is 1 / groups of it, and the first what is left, so that the sum is exact.
    """

    weight: nn.Parameter
    bias: nn.Parameter

    def __init__(self, layer: nn.Linear, groups: int) -> None:
        values = {name: own.detach() for name, own in layer.named_parameters()}
        super().__init__(**{name: torch.stack([own / groups] * (groups - 1)) for name, own in values.items()})
        for name, own in values.items():
            # Exact, as the difference of two numbers of which one is at most twice the other (Sterbenz' lemma).
            own.sub_(self.get_parameter(name).detach().sum(0))

    def forward(self, layer: nn.Linear, features: Tensor, logits: Tensor) -> Tensor:
        """Return the sum of the blocks' logits; with gradients, keep those of each, [n, groups, classes]."""
        if torch.is_grad_enabled():
            others = torch.einsum("nd,gcd->ngc", features, self.weight)
            others = others if layer.bias is None else others + self.bias
            self.seen = (torch.cat([logits.unsqueeze(1), others], dim=1),)
        return functional.linear(features, *self.sums(layer))

    def sums(self, layer: nn.Linear) -> list[Tensor]:
        """Return the sum of the blocks' weights, and of their biases if there are any."""
        others: list[Tensor] = [getattr(self, name).sum(0) for name, _ in layer.named_parameters(recurse=False)]
        return [own + other for own, other in zip(layer.parameters(recurse=False), others, strict=True)]

    def merge(self, layer: nn.Linear) -> None:
        """Make the layer the sum of the blocks, whose logits the model gave all along."""
        for own, total in zip(layer.parameters(recurse=False), self.sums(layer), strict=True):
            own.copy_(total)


@dataclass(kw_only=True)
class DomainInd(Method):
    """Minimise the cross-entropy of each row in the block of its group; predictions sum the logits over the blocks.

    The head is linear, so that the sum is one head again, which knows no attribute: evaluations see it, and the
    trained model has it. With one group this is plain fine-tuning, bit for bit.
    """

    title: ClassVar[str] = "DomainInd"
    citation: ClassVar[str] = """\
@inproceedings{wang2020towards,
  title = {Towards Fairness in Visual Recognition: Effective Strategies for Bias Mitigation},
  author = {Zeyu Wang and Klint Qinami and Ioannis Christos Karakozis and Kyle Genova and Prem Nair and Kenji Hata
            and Olga Russakovsky},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2020}
}"""

    needs: ClassVar[Needs] = Needs(attribute_at_train=True)

    blocks: Tensor = field(default_factory=lambda: torch.zeros(0), init=False, repr=False, compare=False)

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything, with a block for each group that has rows.

        Raises:
            FairTuneError: there are no groups.
        """
        present = facts.cells.sum(1) > 0
        if not present.any():
            raise FairTuneError(f"{self.name} needs a column `groups` in the training data; name groups by --group.")
        self.blocks = torch.from_numpy(np.cumsum(present) - 1).clamp(min=0)
        detach(model)
        if present.sum() > 1:
            attach(model, facts.head, lambda layer: Blocks(layer, int(present.sum())))
        return super().prepare(model, facts)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Any]:
        """Return the cross-entropy of each row in its own block; in evaluation that of the sum."""
        if not torch.is_grad_enabled() or not self.blocks.any():
            return super().loss(model, batch)
        outputs = forward(model, batch)
        (seen,), groups = take_seen(model, self.name), batch["groups"]
        rows = torch.arange(len(groups), device=groups.device)
        own = seen[rows, self.blocks.to(groups.device)[groups]]
        return self.cross_entropy(own, batch["labels"]), outputs

    def finish(self, model: Any) -> None:
        """Merge the blocks into the head."""
        detach(model)


METHOD = DomainInd
