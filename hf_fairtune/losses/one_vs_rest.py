"""Each class against all others, or each finding, as two classes: what biases and AUCs are defined for."""

from typing import Literal

import torch
from torch import Tensor

from .contrast import Contrast
from .loss import BiasLoss, BiasValue, margin

Over = Literal["mean", "worst"]


def has_findings(labels: Tensor) -> bool:
    """Say whether a row has several labels, [n, findings] with NaN where one is missing, and not one class, [n]."""
    return labels.ndim == 2


def log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the log-odds of each class against all others, [n, classes]; of two classes those of class 1, [n, 1].

    Of k classes they are z_c - log(sum of exp(z_j) over the others), so that their sigmoid is the softmax. A finding's
    logit is its log-odds.

    Args:
        logits: [n, classes], or log-odds of class 1, [n].
        labels: codes of classes, [n], or findings, see `has_findings`.
    """
    if has_findings(labels):
        return logits
    if logits.ndim == 1 or logits.shape[1] <= 2:
        return margin(logits).unsqueeze(1)
    # log p - log(1 - p) loses what lies far above 0 for the likeliest class: that is its logit less the others'.
    own = torch.zeros_like(logits, dtype=torch.bool).scatter(1, logits.argmax(1, keepdim=True), value=True)
    others = logits.masked_fill(own, -torch.inf).logsumexp(1, keepdim=True)
    rest = logits.log_softmax(1).masked_fill(own, -torch.inf)
    return torch.where(own, logits - others, rest - torch.log1p(-rest.exp()))


def codes(labels: Tensor, classes: int) -> Tensor:
    """Return for each class, [n, classes], 1 for its rows, 0 for the others and -1 where the label is missing.

    Args:
        labels: as in `log_odds`; -1 for a row that does not count.
        classes: columns of the log-odds: 1 for two classes.
    """
    if has_findings(labels):
        return torch.where(labels.isnan(), -1.0, labels).long()
    if classes == 1:
        return labels.unsqueeze(1)
    own = labels.unsqueeze(1) == torch.arange(classes, device=labels.device)
    return torch.where(labels.unsqueeze(1) < 0, -1, own.long())


def bias_of(
    logits: Tensor, labels: Tensor, groups: Tensor, loss: BiasLoss, contrast: Contrast, over: Over = "mean"
) -> BiasValue:
    """Measure the bias of a contrast class by class; of two classes that of class 1, as it is.

    Args:
        logits, labels: as in `log_odds`.
        groups: codes, [n].
        loss: between two groups, for one class.
        contrast: which groups.
        over: "mean" of the classes, or the "worst" of them, which alone then has a gradient.

    Returns:
        The bias, and the terms without a cell summed over the classes.
    """
    odds = log_odds(logits, labels)
    columns = zip(odds.sigmoid().unbind(1), codes(labels, odds.shape[1]).unbind(1), strict=True)
    parts = [contrast(loss, probabilities, own, groups) for probabilities, own in columns]
    if len(parts) == 1:
        return parts[0]
    values = torch.stack([part.value for part in parts])
    empty = torch.stack([part.empty for part in parts]).sum()
    return BiasValue(values.mean() if over == "mean" else values.max(), empty)
