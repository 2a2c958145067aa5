"""Which groups are set against each other: the worst and the best, or each against the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.stats import mannwhitneyu
from torch import Tensor

from ..errors import FairTuneError
from .loss import BiasLoss, BiasValue


@dataclass(frozen=True)
class GroupPair:
    """Two groups; rows of others do not count.

    Args:
        worst: code of the disadvantaged group.
        best: code of the other.
    """

    worst: int
    best: int

    def __post_init__(self) -> None:
        """Check that there are two."""
        if self.worst == self.best:
            raise FairTuneError(f"`worst` and `best` are both group {self.worst}; a bias needs two groups.")

    def __call__(self, loss: BiasLoss, probabilities: Tensor, labels: Tensor, groups: Tensor) -> BiasValue:
        """Measure the bias of `worst` against `best`.

        Args:
            loss: compares two groups.
            probabilities: of class 1, [n].
            labels: 0 or 1, [n].
            groups: codes, [n].
        """
        side = groups == self.worst
        # Picking the rows out would make the host wait for a GPU to count them.
        return loss(probabilities, torch.where(side | (groups == self.best), labels, -1), side)

    def describe(self, group_names: Sequence[str]) -> str:
        """Name the two groups; `group_names` by code."""
        return f"{group_names[self.worst]} against {group_names[self.best]}"


@dataclass(frozen=True)
class EachGroup:
    """Every group against all others, averaged over groups; with two groups their plain comparison.

    Args:
        n_groups: codes are below it.
    """

    n_groups: int

    def __post_init__(self) -> None:
        """Check that there are two."""
        if self.n_groups < 2:
            raise FairTuneError(f"`n_groups` is {self.n_groups}; a bias needs at least two groups.")

    def __call__(self, loss: BiasLoss, probabilities: Tensor, labels: Tensor, groups: Tensor) -> BiasValue:
        """Measure the mean bias, of the same arguments; `empty` is summed over the comparisons."""
        sides = range(self.n_groups) if self.n_groups > 2 else [1]
        parts = [loss(probabilities, labels, groups == side) for side in sides]
        value = torch.stack([part.value for part in parts]).mean()
        return BiasValue(value, torch.stack([part.empty for part in parts]).sum())

    def describe(self, group_names: Sequence[str]) -> str:
        """Name the groups; `group_names` by code."""
        if self.n_groups == 2:
            return f"{group_names[1]} against {group_names[0]}"
        return f"each of {', '.join(group_names[: self.n_groups])} against the rest"


Contrast = GroupPair | EachGroup


def contrast_for(
    kind: str, margins: ArrayLike | Tensor, labels: ArrayLike | Tensor, groups: ArrayLike | Tensor
) -> Contrast:
    """Choose what to compare from how well each group is classified.

    Args:
        kind: "pair" for the groups of lowest and highest AUC, or "mean" for each against the rest. A group without
            both classes has no AUC and cannot be in a pair.
        margins: finite scores of class 1, [n].
        labels: 0 or 1, [n].
        groups: codes from 0, [n].

    Raises:
        FairTuneError: unknown kind, margins that are not finite, one group only, or fewer than two with an AUC.
    """
    scores, truth, codes = (torch.as_tensor(v).detach().cpu().numpy() for v in (margins, labels, groups))
    present = np.unique(codes)
    if kind not in ("pair", "mean"):
        raise FairTuneError(f"`contrast` is {kind!r}; choose pair or mean.")
    if len(present) < 2:
        raise FairTuneError(f"the rows have {len(present)} group; a bias needs two. Check the group column.")
    if kind == "mean":
        return EachGroup(int(present[-1]) + 1)
    if not np.isfinite(scores).all():
        raise FairTuneError("`margins` holds NaN or infinity; check the model's weights and its pixels.")
    judged = []
    for group in present.tolist():
        own, positive = scores[codes == group], truth[codes == group] == 1
        if 0 < positive.sum() < len(own):
            u = mannwhitneyu(own[positive], own[~positive], method="asymptotic").statistic
            judged.append((float(u / (positive.sum() * (~positive).sum())), group))
    judged.sort()
    if len(judged) < 2:
        raise FairTuneError(
            f"{len(judged)} of {len(present)} groups has rows of both classes; a pair needs two such groups. "
            "Add rows, or merge groups."
        )
    return GroupPair(worst=judged[0][1], best=judged[-1][1])
