"""Maximum mean discrepancy: how far the scores of two groups lie apart, as whole distributions, within each label."""

import torch
from torch import Tensor

from .loss import BiasValue

WIDTH = 0.1


def mmd(probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
    """Return the mean over both labels of the squared MMD, with the kernel exp(-(p - q)^2 / (2 * 0.1^2)).

    It is 0 where the scores of each label are distributed alike, and not only their means. Every pair of rows has a
    kernel value, so that memory grows with the square of their number.

    Source: Prost et al. 2019, "Toward a better trade-off between performance and fairness with kernel-based
    distribution matching"; Gretton et al., JMLR 2012, eq. 5.
    """
    exact = probabilities.to(torch.promote_types(probabilities.dtype, torch.float32))
    kernel = torch.exp(-((exact.unsqueeze(1) - exact) ** 2) / (2 * WIDTH**2))
    positives, no_positives = _squared(kernel, labels == 1, side)
    negatives, no_negatives = _squared(kernel, labels == 0, side)
    return BiasValue((positives + negatives) / 2, no_positives + no_negatives)


def _squared(kernel: Tensor, among: Tensor, side: Tensor) -> tuple[Tensor, Tensor]:
    """Return w' K w, w being 1 / rows on one side and -1 / rows on the other, and 1 if a side has none, else 0."""
    cells = torch.stack([among & side, among & ~side])
    counts = cells.sum(1)
    first, second = cells.to(kernel.dtype) / counts.clamp(min=1).unsqueeze(1)
    weights, empty = first - second, (counts == 0).any()
    return torch.where(empty, 0.0, weights @ kernel @ weights).clamp(min=0), empty.int()


LOSS = mmd
