"""The contract of a bias loss, and the prediction loss it is weighed against."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from .. import catalog
from ..errors import FairTuneError


@dataclass(frozen=True)
class BiasValue:
    """A bias, and what could not be compared.

    Args:
        value: scalar, at least 0, differentiable.
        empty: integer scalar, how many terms were left out because one of their two cells has no rows.
    """

    value: Tensor
    empty: Tensor


class BiasLoss(Protocol):
    """A bias between a disadvantaged group and the others, differentiable in the predicted probabilities.

    A loss is a function in `losses/<name>.py` that is named there as `LOSS`. A term that compares two cells of which
    one has no rows is 0 and is counted: a stand-in mean would push the other cell towards that constant.
    Nothing in it moves a number to the host, so that a GPU never waits.
    """

    def __call__(self, probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
        """Measure the bias.

        Args:
            probabilities: of class 1, [n].
            labels: 0 or 1; -1 for a row that does not count, [n].
            side: True for rows of the disadvantaged group, [n].
        """


def bias_loss_named(name: str) -> BiasLoss:
    """Return the loss of `losses/<name>.py`."""
    loss: BiasLoss = catalog.find("losses", name).LOSS
    return loss


def mean_difference(values: Tensor, among: Tensor, side: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean of `values` on one side minus that on the other, and 1 if either has no rows, else 0.

    Args:
        values: [n]; half precision is summed in float32, where counts are exact.
        among: True for rows that are compared, [n].
        side: True for rows of the first mean, [n].

    Returns:
        The difference, 0 where undefined, and an int; both scalars.
    """
    exact = values.to(torch.promote_types(values.dtype, torch.float32))
    cells = among & side, among & ~side
    counts = cells[0].sum(), cells[1].sum()
    means = [(exact * rows).sum() / count.clamp(min=1) for rows, count in zip(cells, counts, strict=True)]
    empty = (counts[0] == 0) | (counts[1] == 0)
    return torch.where(empty, 0.0, means[0] - means[1]), empty.int()


def margin(logits: Tensor) -> Tensor:
    """Return the log-odds of class 1, [n].

    Args:
        logits: of two classes, [n, 2], or of class 1 alone, [n, 1] or [n].

    Raises:
        FairTuneError: another number of classes.
    """
    if logits.ndim == 2 and logits.shape[1] == 2:
        return logits[:, 1] - logits[:, 0]
    if logits.ndim == 1 or (logits.ndim == 2 and logits.shape[1] == 1):
        return logits.reshape(-1)
    raise FairTuneError(
        f"the model gives logits of shape {tuple(logits.shape)}, that is {logits.shape[-1]} classes, but two are "
        "wanted; give a model of two, or for importances one of more that says so by its `config.num_labels`."
    )


def weighted_bce(margins: Tensor, labels: Tensor) -> Tensor:
    """Compute the class-balanced cross-entropy, where each class weighs as much as the other has rows.

    Args:
        margins: log-odds of class 1, [n].
        labels: 0 or 1, [n].

    Returns:
        A scalar; 0 where a class has no rows.

    Raises:
        FairTuneError: no rows, or another number of labels.

    Source: Yan et al., SWiFT (MELBA 2025), eq. 1; classes are counted over the rows given.
    """
    if margins.shape != labels.shape or margins.ndim != 1 or not margins.numel():
        raise FairTuneError(
            f"`margins` has shape {tuple(margins.shape)} and `labels` {tuple(labels.shape)}; give one of each a row, "
            "and at least one row."
        )
    exact = margins.to(torch.promote_types(margins.dtype, torch.float32))
    positive = labels == 1
    share = positive.to(exact.dtype).mean()
    return -torch.where(positive, (1 - share) * logsigmoid(exact), share * logsigmoid(-exact)).mean()
