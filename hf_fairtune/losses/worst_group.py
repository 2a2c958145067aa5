"""Worst group: the mean squared error of the side that is served worse."""

import torch
from torch import Tensor

from .loss import BiasValue, mean_difference


def worst_group(probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
    """Return the larger of the two sides' mean (p - y)^2; only the worse one has a gradient.

    Unlike a difference, it cannot fall by making the other side worse.

    Source: Martinez et al. 2020, "Minimax Pareto fairness: a multi objective perspective", with the Brier score as the
    risk.
    """
    known = labels >= 0
    errors = (probabilities - labels.clamp(min=0)) ** 2
    difference, empty = mean_difference(errors, known, side)
    exact = errors.to(difference.dtype)
    others = known & ~side
    rest = (exact * others).sum() / others.sum().clamp(min=1)
    return BiasValue(torch.where(empty > 0, 0.0, rest + difference.clamp(min=0)), empty)


LOSS = worst_group
