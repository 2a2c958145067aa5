"""Which groups are set against each other: the worst and the best, or each against the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.stats import mannwhitneyu
from torch import Tensor

from ..errors import FairTuneError
from .loss import BiasLoss, BiasValue


@dataclass(frozen=True)
class GroupPair:
    """Codes of the disadvantaged group and of the other; rows of further groups do not count."""

    worst: int
    best: int

    def __post_init__(self) -> None:
        """Check that there are two."""
        if self.worst == self.best:
            raise FairTuneError(f"`worst` and `best` are both group {self.worst}; a bias needs two groups.")

    def __call__(self, loss: BiasLoss, probabilities: Tensor, labels: Tensor, groups: Tensor) -> BiasValue:
        """Measure the bias of `worst` against `best` by probabilities of class 1, labels and group codes, all [n]."""
        side = groups == self.worst
        # Picking the rows out would make the host wait for a GPU to count them.
        return loss(probabilities, torch.where(side | (groups == self.best), labels, -1), side)

    def describe(self, group_names: Sequence[str]) -> str:
        """Name the two groups; `group_names` by code."""
        return f"{group_names[self.worst]} against {group_names[self.best]}"


@dataclass(frozen=True)
class EachGroup:
    """Every group of `codes` against all others, averaged; of two their plain comparison."""

    codes: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check that there are two."""
        if len(self.codes) < 2:
            raise FairTuneError(f"`codes` are {len(self.codes)} group; a bias needs at least two groups.")

    def __call__(self, loss: BiasLoss, probabilities: Tensor, labels: Tensor, groups: Tensor) -> BiasValue:
        """Measure the mean bias, of the same arguments; `empty` is summed over the comparisons."""
        sides = self.codes if len(self.codes) > 2 else self.codes[1:]
        parts = [loss(probabilities, labels, groups == side) for side in sides]
        value = torch.stack([part.value for part in parts]).mean()
        return BiasValue(value, torch.stack([part.empty for part in parts]).sum())

    def describe(self, group_names: Sequence[str]) -> str:
        """Name the groups; `group_names` by code."""
        names = [group_names[code] for code in self.codes]
        return f"{names[1]} against {names[0]}" if len(names) == 2 else f"each of {', '.join(names)} against the rest"


Contrast = GroupPair | EachGroup


def contrast_for(kind: str, odds: Tensor, codes: Tensor, groups: Tensor) -> Contrast:
    """Choose what to compare from how well each group is classified.

    Args:
        kind: "pair" for the groups of lowest and highest AUC, or "mean" for each against the rest. With several
            classes the AUC is macro: the mean over classes of one class against the rest.
        odds: finite scores of each class, [n, classes]; of two classes those of class 1, [n, 1].
        codes: of the same shape, 1 for rows of the class, 0 for others, -1 for those that do not count for it.
        groups: codes, at least two, [n]; those that do not occur, such as excluded ones, do not count. Each has rows
            of 1 and of 0 for some class; classes for which a group has not are left out for all.
    """
    present = groups.unique().tolist()
    if kind == "mean":
        return EachGroup(tuple(present))
    whole = comparable(codes, groups, present)
    judged = []
    for group in present:
        inside = groups == group
        columns = zip(odds[inside].T, codes[inside].T, whole.tolist(), strict=True)
        aucs = [auc(scores, own) for scores, own, counts in columns if counts]
        judged.append((sum(aucs) / len(aucs), group))
    judged.sort()
    return GroupPair(worst=judged[0][1], best=judged[-1][1])


def comparable(codes: Tensor, groups: Tensor, among: Sequence[int]) -> Tensor:
    """Return for each class whether every group of `among` has rows of it and other rows, bool [classes]."""
    cells = [((codes == code) & (groups == group).unsqueeze(1)).any(0) for group in among for code in (0, 1)]
    return torch.stack(cells).all(0)


def auc(scores: Tensor, labels: Tensor) -> float:
    """Return the share of pairs of a positive and a negative that the scores order rightly, ties being half."""
    positive, negative = scores[labels == 1].numpy(), scores[labels == 0].numpy()
    u = mannwhitneyu(positive, negative, method="asymptotic").statistic
    return float(u / (len(positive) * len(negative)))
