"""Group-aware SAM: the loss of the group that is worst off is taken where it is highest nearby, others' here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from accelerate.utils import reduce
from optuna.distributions import FloatDistribution
from torch import Tensor, nn

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..losses.one_vs_rest import has_findings
from .climbing import climbed, kept_statistics
from .facts import Facts
from .method import Batch, Method, Needs, StageRecord, StockTrainer, flag, forward


@dataclass(kw_only=True)
class GroupSam(Method):
    """Take the gradient of L_others(w) + L_worst(w + rho * g / |g|), g being that of L_worst at w.

    It is ImbSAM with a group in place of the classes that have few rows: the one whose running mean of the loss is
    highest. A batch takes three passes; the parts of its loss are mean losses of rows, weighed by their number. With
    one group it is SAM and with a radius of 0 plain fine-tuning, both bit for bit.
    """

    title: ClassVar[str] = "Group-aware SAM"
    citation: ClassVar[str] = """\
@inproceedings{zhou2023imbsam,
  title = {{ImbSAM}: A Closer Look at Sharpness-Aware Minimization in Class-Imbalanced Recognition},
  author = {Yixuan Zhou and Yi Qu and Xing Xu and Hengtao Shen},
  booktitle = {IEEE/CVF International Conference on Computer Vision},
  year = {2023},
  eprint = {2308.07815},
  archivePrefix = {arXiv}
}"""
    needs: ClassVar[Needs] = Needs(attribute_at_train=True)

    rho: float = flag(
        0.05, "Radius of the neighbourhood; 0 is plain fine-tuning.", FloatDistribution(0.01, 2.0, log=True)
    )
    memory: float = flag(
        0.9, "What the running mean of a group's loss keeps of itself at each batch that has rows of it."
    )
    losses: Tensor = field(default_factory=lambda: torch.zeros(0), init=False, repr=False, compare=False)
    steps: Tensor = field(default_factory=lambda: torch.zeros(0), init=False, repr=False, compare=False)
    taken: Literal["all", "others", "worst"] = field(default="all", init=False, repr=False, compare=False)
    group_names: tuple[str, ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse numbers without a meaning."""
        if not self.rho >= 0:
            raise FairTuneError(f"`rho` is {self.rho:g}; give 0 or more.")
        if not 0 <= self.memory < 1:
            raise FairTuneError(f"`memory` is {self.memory:g}; give a share from 0 to below 1.")

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything; no group's loss is known yet.

        Raises:
            FairTuneError: the training data have no groups.
        """
        facts.check_groups(self.name)
        self.group_names = facts.group_names
        self.losses, self.steps = torch.full((facts.n_groups,), torch.nan), torch.zeros(facts.n_groups).long()
        return super().prepare(model, facts)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Any]:
        """Return the loss of the rows that count in this pass, times their share of the batch."""
        if self.taken == "all" or not torch.is_grad_enabled():
            return super().loss(model, batch)
        outputs, labels = forward(model, batch), batch["labels"]
        terms = (~labels.isnan()).sum(1) if has_findings(labels) else torch.ones_like(batch["groups"])
        if self.taken == "others":
            self._note(outputs.logits.detach(), batch, terms)
        among = (batch["groups"] == int(self.losses.nan_to_num(-torch.inf).argmax())) == (self.taken == "worst")
        share = terms[among].sum() / terms.sum().clamp(min=1)
        if not share:
            # Of no rows there is no mean; each process has a gradient nevertheless.
            return outputs.logits.sum() * 0, outputs
        return self.cross_entropy(outputs.logits[among], labels[among]) * share, outputs

    def step(self, trainer: StockTrainer, model: nn.Module, batch: Batch) -> Tensor:
        """Add both gradients; weights and running statistics stay as plain training's."""
        if self.rho == 0:
            return trainer.stock_step(model, batch)
        if len(self.losses) == 1:
            with climbed(model, self.rho, lambda: trainer.stock_step(model, batch)) as loss:
                trainer.stock_step(model, batch)
            return loss
        try:
            self.taken = "others"
            others = trainer.stock_step(model, batch)
            self.taken = "worst"
            with kept_statistics(model), climbed(model, self.rho, lambda: trainer.stock_step(model, batch)) as loss:
                trainer.stock_step(model, batch)
        finally:
            self.taken = "all"
        return others + loss

    def state(self) -> dict[str, Any]:
        """Return the running means, None for that of a group that has not come, and how often each was the worst."""
        losses = [None if value != value else value for value in self.losses.tolist()]
        return {"losses": losses, "steps": self.steps.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take them up."""
        self.losses = torch.tensor([torch.nan if value is None else value for value in state["losses"]])
        self.steps = torch.tensor(state["steps"], dtype=torch.long)

    def record(self) -> StageRecord:
        """Return in how many batches each group was the worst off."""
        facts: dict[str, Scalar] = {
            f"batches_of_{name}": int(count) for name, count in zip(self.group_names, self.steps, strict=True)
        }
        return StageRecord(facts)

    def _note(self, logits: Tensor, batch: Batch, terms: Tensor) -> None:
        """Update the running means by the groups' losses in the batches of all processes."""
        groups, labels = batch["groups"], batch["labels"]
        sums = torch.zeros(2, len(self.losses), device=logits.device)
        for group in groups.unique().tolist():
            rows = groups == group
            if terms[rows].any():
                sums[1, group] = terms[rows].sum()
                sums[0, group] = self.cross_entropy(logits[rows], labels[rows]).float() * sums[1, group]
        total, counts = reduce(sums, reduction="sum").cpu()
        found = total / counts
        kept = torch.where(self.losses.isnan(), found, self.memory * self.losses + (1 - self.memory) * found)
        self.losses = torch.where(counts > 0, kept, self.losses)
        self.steps[int(self.losses.nan_to_num(-torch.inf).argmax())] += 1


METHOD = GroupSam
