"""FairPrune (Wu et al., MICCAI 2022): prune the weights that matter to the group served best and not to the worst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from accelerate.utils import broadcast
from optuna.distributions import FloatDistribution
from torch import Tensor

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..importance.fisher import pair_of
from ..importance.group_fisher import group_fisher
from ..importance.importance import ImportanceOptions
from .facts import Facts, View
from .method import Method, Needs, StageRecord, flag


@dataclass(kw_only=True)
class FairPrune(Method):
    """Set the share of the weights to 0 that has the least saliency s = 1/2 w² (h_worst - beta * h_best) (eq. 4).

    h is the diagonal of the Hessian of a group's loss, here by its Fisher information, image by image. The groups are
    those of lowest and highest AUC on validation. Nothing is trained afterwards.
    """

    title: ClassVar[str] = "FairPrune"
    citation: ClassVar[str] = """\
@inproceedings{wu2022fairprune,
  title = {{FairPrune}: Achieving Fairness Through Pruning for Dermatological Disease Diagnosis},
  author = {Yawen Wu and Dewen Zeng and Xiaowei Xu and Yiyu Shi and Jingtong Hu},
  booktitle = {Medical Image Computing and Computer Assisted Intervention},
  year = {2022},
  doi = {10.1007/978-3-031-16431-6_70}
}"""
    needs: ClassVar[Needs] = Needs(attribute_at_train=True, attribute_at_validation=True, original_training_data=False)
    trains: ClassVar[str] = "nothing; it sets weights to 0"
    takes_mask: ClassVar[bool] = False
    views: ClassVar[Mapping[str, View]] = MappingProxyType(
        {"train": View(augmented=True), "measured": View(), "validation": View("validation")}
    )

    prune_ratio: float = flag(
        0.35, "Share of all weights that is set to 0; 0 leaves the model as it is.", FloatDistribution(0.0, 0.9)
    )
    prune_beta: float = flag(
        0.33, "How much it counts that a weight matters to the group served best.", FloatDistribution(0.1, 0.9)
    )
    facts: Facts = field(default_factory=Facts, init=False, repr=False, compare=False)
    pruned: dict[str, Scalar] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse numbers without a meaning, and options of a loss that is not trained by."""
        self.refuse_options()
        if not 0 <= self.prune_ratio <= 1:
            raise FairTuneError(f"`prune_ratio` is {self.prune_ratio:g}; give a share from 0 to 1.")
        if not self.prune_beta >= 0:
            raise FairTuneError(f"`prune_beta` is {self.prune_beta:g}; give 0 or more.")

    def arguments(self) -> dict[str, Scalar]:
        """Return that no gradient step is taken."""
        return {"num_train_epochs": 0}

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Let every weight be pruned.

        Raises:
            FairTuneError: there are no two groups to compare.
        """
        if facts.n_groups < 2:
            raise FairTuneError(f"{self.name} compares two groups, but the data have {facts.n_groups}; give --group.")
        self.facts = facts
        return super().prepare(model, facts)

    @torch.no_grad()
    def finish(self, model: Any) -> None:
        """Set the least salient weights to 0, the same on every process."""
        rows, options = self.facts.rows, ImportanceOptions()
        pair = pair_of(model, rows["validation"], options)
        worst, best = group_fisher(model, rows["measured"], pair, options)
        weights = dict(model.named_parameters())
        saliency = {n: w.float().square() / 2 * (worst[n] - self.prune_beta * best[n]) for n, w in weights.items()}
        kept = most_salient(saliency, self.prune_ratio)
        for name, parameter in weights.items():
            parameter.copy_(broadcast(torch.where(kept[name], parameter, 0)))
        every = sum(part.numel() for part in kept.values())
        gone = every - sum(int(part.sum()) for part in kept.values())
        self.pruned = {"compared": pair.describe(self.facts.group_names), "pruned": f"{gone:,} of {every:,} weights"}

    def record(self) -> StageRecord:
        """Return the groups compared, and how many weights were set to 0."""
        return StageRecord(self.pruned)


def most_salient(saliency: Mapping[str, Tensor], ratio: float) -> dict[str, Tensor]:
    """Return by name which weights stay: all but the share `ratio` of them with the least saliency.

    Of equal ones the first in the order of the model go, on any machine.
    """
    flat = torch.cat([values.flatten().cpu() for values in saliency.values()])
    kept = torch.ones(len(flat), dtype=torch.bool)
    kept[flat.argsort(stable=True)[: int(ratio * len(flat))]] = False
    parts = kept.split([values.numel() for values in saliency.values()])
    return {n: part.view(v.shape).to(v.device) for (n, v), part in zip(saliency.items(), parts, strict=True)}


METHOD = FairPrune
