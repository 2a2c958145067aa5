"""Equalized odds on joint rates: errors of a group are divided by all rows of the group."""

import torch
from torch import Tensor

from .loss import BiasLoss, BiasValue, mean_difference


class EqualizedOddsJoint(BiasLoss):
    """|ΔP(ŷ=1, y=0)| + |ΔP(ŷ=0, y=1)|: mean probability of a false positive, and of a false negative, in a group.

    Where groups differ in prevalence this is not 0 for a classifier of equal rates.

    Source: Mao et al. 2023, "Last-layer fairness fine-tuning is simple and effective for neural networks"; there the
    denominators have 1e-5 added, for groups without rows.
    """

    def __call__(self, probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
        """Measure the bias."""
        terms = [_term(probabilities, labels == 0, labels, side), _term(1 - probabilities, labels == 1, labels, side)]
        return BiasValue(terms[0][0] + terms[1][0], terms[0][1] + terms[1][1])


def _term(errors: Tensor, of_class: Tensor, labels: Tensor, side: Tensor) -> tuple[Tensor, Tensor]:
    """Compare the sums of `errors` over a class, by rows of the group; 0 where either group lacks the class."""
    counted = labels >= 0
    difference, _ = mean_difference(errors * of_class, counted & side, counted & ~side)
    empty = ~((of_class & side).any() & (of_class & ~side).any())
    return torch.where(empty, 0.0, difference.abs()), empty.int()


LOSS = EqualizedOddsJoint()
