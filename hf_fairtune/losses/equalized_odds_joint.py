"""Equalized odds on joint rates: errors of a group are divided by all rows of the group."""

import torch
from torch import Tensor

from .loss import BiasValue, mean_difference


def equalized_odds_joint(probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
    """Return |ΔP(ŷ=1, y=0)| + |ΔP(ŷ=0, y=1)|: mean probability of a false positive, and of a false negative.

    Where groups differ in prevalence this is not 0 for a classifier of equal rates.

    Source: Mao et al. 2023, "Last-layer fairness fine-tuning is simple and effective for neural networks"; there the
    denominators have 1e-5 added, for groups without rows.
    """
    terms = []
    for errors, label in ((probabilities, 0), (1 - probabilities, 1)):
        difference, _ = mean_difference(errors * (labels == label), labels >= 0, side)
        _, empty = mean_difference(errors, labels == label, side)
        terms.append((torch.where(empty == 1, 0.0, difference.abs()), empty))
    return BiasValue(terms[0][0] + terms[1][0], terms[0][1] + terms[1][1])


LOSS = equalized_odds_joint
