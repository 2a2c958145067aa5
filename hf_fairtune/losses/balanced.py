"""The class-balanced cross-entropy that a bias is weighed against (SWiFT, eq. 1), for any number of classes."""

import torch
from torch import Tensor
from torch.nn import functional

from .loss import margin, weighted_bce
from .one_vs_rest import codes, has_findings


def balanced_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Compute the cross-entropy in which every class has the same weight in all.

    Of two classes it is eq. 1, see `weighted_bce`: a row of class y weighs as much as the other class has rows, that
    is N0 * N1 / (N * N_y). With H = 2 / (1 / N0 + 1 / N1), the harmonic mean of the classes' rows, this is
    H / (2 N_y). So much a row of class y weighs here whatever the number of classes; H is taken over those that occur.
    With equal classes the loss is half the mean cross-entropy, so that it keeps its size beside a bias.

    Of findings it is the mean over findings of eq. 1, each over the rows where it is known.

    Args:
        logits: [n, classes], or log-odds of class 1, [n].
        labels: codes of classes, [n], or findings with NaN where one is missing, [n, findings].

    Returns:
        A scalar; 0 where there is nothing to balance: a single class, or a finding without negatives or positives.
    """
    if not has_findings(labels):
        if logits.ndim == 1 or logits.shape[1] <= 2:
            return weighted_bce(margin(logits), labels)
        return balanced_of_classes(logits, labels)
    exact = logits.to(torch.promote_types(logits.dtype, torch.float32))
    positive, known = labels == 1, ~labels.isnan()
    rows = known.sum(0).clamp(min=1)
    share = positive.sum(0).to(exact.dtype) / rows
    terms = torch.where(positive, (1 - share) * functional.logsigmoid(exact), share * functional.logsigmoid(-exact))
    return -(torch.where(known, terms, 0).sum(0) / rows).mean()


def balanced_of_classes(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of H / (2 N_y) times the cross-entropy of a row; logits [n, classes], labels [n]."""
    exact = logits.to(torch.promote_types(logits.dtype, torch.float32))
    counts = (codes(labels, exact.shape[1]) == 1).sum(0)
    occurs = counts > 0
    shares = torch.where(occurs, 1 / counts.clamp(min=1).to(exact.dtype), 0)
    weights = torch.where(occurs.sum() > 1, occurs.sum() / shares.sum() * shares / 2, 0)
    return functional.cross_entropy(exact, labels, weights, reduction="none").mean()
