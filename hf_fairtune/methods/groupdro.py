"""GroupDRO (Sagawa et al., ICLR 2020): minimise the loss of the worst-off group."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from optuna.distributions import FloatDistribution
from torch import Tensor, nn
from torch.utils.data import Sampler

from ..data.balanced_sampler import balanced_sampler
from ..errors import FairTuneError
from ..losses.one_vs_rest import has_findings
from .facts import Facts
from .method import Batch, Method, Needs, flag, forward


@dataclass(kw_only=True)
class GroupDro(Method):
    """Weigh each group's mean loss by q, which grows with exp(eta * loss) (algorithm 1).

    A group without rows in a batch keeps its weight. With one group this is plain fine-tuning, bit for bit.
    """

    title: ClassVar[str] = "GroupDRO"
    citation: ClassVar[str] = """\
@inproceedings{sagawa2020distributionally,
  title = {Distributionally Robust Neural Networks for Group Shifts},
  author = {Shiori Sagawa and Pang Wei Koh and Tatsunori B. Hashimoto and Percy Liang},
  booktitle = {International Conference on Learning Representations},
  year = {2020}
}"""

    needs: ClassVar[Needs] = Needs(attribute_at_train=True)
    whole_batch: ClassVar[bool] = True

    eta: float = flag(0.01, "Step size of the group weights.", FloatDistribution(1e-3, 1.0, log=True))
    adjustment: float = flag(0.0, "C of the C / sqrt(rows) that is added to a group's loss (section 3.3).")
    balance: bool = flag(False, "Draw every group equally often, as in algorithm 1, in place of every row once.")
    weights: Tensor = field(default_factory=lambda: torch.zeros(0), init=False, repr=False, compare=False)
    margins: Tensor = field(default_factory=lambda: torch.zeros(0), init=False, repr=False, compare=False)
    seed: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse negative numbers, which would favour the groups that do well."""
        for name in ("eta", "adjustment"):
            if not getattr(self, name) >= 0:
                raise FairTuneError(f"`{name}` is {getattr(self, name):g}; give 0 or more.")

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything, from equal group weights."""
        facts.check_groups(self.name)
        self.weights = torch.full((facts.n_groups,), 1 / facts.n_groups, dtype=torch.float64)
        self.margins = self.adjustment / torch.from_numpy(facts.cells.sum(1)).clamp(min=1).sqrt()
        self.seed = facts.seed
        return super().prepare(model, facts)

    def rows(self, data: Any) -> Sampler[int] | None:
        """Draw the groups equally often where that is asked for."""
        return balanced_sampler("group", data, self.seed) if self.balance else None

    def own_rows(self) -> str:
        """Say that groups are drawn equally often where that is asked for."""
        return "every group equally often (`balance`)" if self.balance else ""

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Any]:
        """Return the weighted sum of the group losses; in evaluation the plain mean loss."""
        if not torch.is_grad_enabled():
            return super().loss(model, batch)
        outputs, labels, groups = forward(model, batch), batch["labels"], batch["groups"]
        # What a group's loss is the mean of: its rows, or their findings that are known.
        terms = (~labels.isnan()).sum(1) if has_findings(labels) else torch.ones_like(groups)
        counts = torch.zeros(len(self.weights), dtype=terms.dtype, device=groups.device).index_add(0, groups, terms)
        present = counts.nonzero().flatten()
        counts = counts[present]
        losses = [self.cross_entropy(outputs.logits[groups == g], labels[groups == g]) for g in present]
        robust = torch.stack(losses) if losses else outputs.logits.float().flatten()[:0]
        rows = self._update(present, robust.detach(), counts)
        # Gradients are means over processes: this makes them those of each group's mean over the rows of all.
        shares = counts * PartialState().num_processes / rows[present]
        return (self.weights.to(robust)[present] * shares * robust).sum(), outputs

    def _update(self, present: Tensor, losses: Tensor, counts: Tensor) -> Tensor:
        """Multiply the weights of the groups in the batches of all processes by exp(eta * loss); keep their sum.

        The losses are means of the groups `present` over so many terms; returns the terms of all groups and processes.
        """
        sums = torch.zeros(2, len(self.weights), device=losses.device)
        sums[0, present], sums[1, present] = losses.float() * counts, counts.float()
        sums = reduce(sums, reduction="sum")
        total, rows = sums.cpu()
        seen = rows > 0
        old, robust = self.weights[seen], (total / rows + self.margins)[seen]
        self.weights[seen] = old.sum() * torch.softmax(old.log() + self.eta * robust, dim=0)
        return sums[1]

    def state(self) -> dict[str, Any]:
        """Return the group weights."""
        return {"weights": self.weights.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take up the group weights."""
        self.weights = torch.tensor(state["weights"], dtype=torch.float64)


METHOD = GroupDro
