"""The cross-entropy that a method trains by, with label smoothing and class weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..errors import FairTuneError

BALANCED = "balanced"


@dataclass(frozen=True)
class CrossEntropy:
    """Mean over rows of w_y times the cross-entropy of a row with class y.

    The mean is over rows and not over their weights, as in scikit-learn and in FairTune's code: batches that lack a
    class, accumulation and several processes then give the gradient of one weighted sum.

    Of findings, each the two classes of a sigmoid, it is the mean over all entries that are known; a row without any
    adds nothing, and a batch without any has loss 0.

    Args:
        label_smoothing: share of a label that is spread over all classes, of a finding over yes and no.
        class_weights: w, one a class, or for each finding in turn that of its negatives and of its positives; empty
            for none.
    """

    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] = ()

    def __call__(self, logits: Tensor, labels: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return the loss in float32, a scalar; logits are [n, classes], labels [n], or [n, findings] with NaN.

        `rows` are weights that the terms of each row are multiplied by, [n].
        """
        exact, smoothing = logits.float(), self.label_smoothing
        if labels.ndim == 2:
            return self._of_findings(exact, labels, rows)
        if not self.class_weights and rows is None:
            return functional.cross_entropy(exact, labels, label_smoothing=smoothing)
        weights = exact.new_tensor(self.class_weights) if self.class_weights else None
        terms = functional.cross_entropy(exact, labels, weights, reduction="none", label_smoothing=smoothing)
        return (terms if rows is None else rows * terms).mean()

    def _of_findings(self, logits: Tensor, labels: Tensor, rows: Tensor | None) -> Tensor:
        known = ~labels.isnan()
        positive = torch.where(known, labels, 0) * (1 - self.label_smoothing) + self.label_smoothing / 2
        weights = logits.new_tensor(self.class_weights or [1.0] * 2 * logits.shape[1]).reshape(-1, 2)
        no, yes = weights.unbind(1)
        terms = yes * positive * functional.logsigmoid(logits) + no * (1 - positive) * functional.logsigmoid(-logits)
        terms = terms if rows is None else rows.unsqueeze(1) * terms
        return -torch.where(known, terms, 0).sum() / known.sum().clamp(min=1)

    def given(self) -> dict[str, str]:
        """Return the training arguments that are set, as text."""
        smoothing = {"label_smoothing_factor": f"{self.label_smoothing:g}"} if self.label_smoothing else {}
        weights = " ".join(f"{weight:.3g}" for weight in self.class_weights)
        return smoothing | ({"class_weights": weights} if weights else {})


def from_probabilities(logits: Tensor, probabilities: Tensor, findings: bool) -> Tensor:
    """Return the mean cross-entropy where probabilities, [n, classes], stand for the labels; or of findings."""
    if findings:
        return CrossEntropy()(logits, probabilities)
    return functional.cross_entropy(logits.float(), probabilities)


def class_weights(asked: Sequence[str], counts: np.ndarray | None) -> tuple[float, ...]:
    """Return the weights that are asked for: "balanced", n / (k * n_c), or the numbers themselves.

    Of a finding, n are the rows where it is known, and k is 2.

    Args:
        asked: "balanced" alone, or a number a class; of findings one for its negatives and one for its positives each.
        counts: rows of each class, [k], or negatives and positives of each finding, [k, 2]; None where they are not
            known.

    Raises:
        FairTuneError: other words, numbers that are not above 0, too many or too few, or a class without rows.

    Source of "balanced": scikit-learn's `class_weight`; King & Zeng, Political Analysis 2001.
    """
    if list(asked) == [BALANCED]:
        if counts is None or not counts.all():
            lacking = "the rows are not known" if counts is None else "a class has none"
            raise FairTuneError(f"`class_weights` balanced needs training rows of every class, but {lacking}.")
        return tuple((counts.sum(-1, keepdims=True) / (counts.shape[-1] * counts)).ravel().tolist())
    weights = numbers(asked)
    if counts is not None and len(weights) != counts.size:
        wanted = f"{len(counts)} classes; give one each"
        if counts.ndim == 2:
            wanted = f"{len(counts)} findings; give two each, for its negatives and its positives"
        raise FairTuneError(f"`class_weights` has {len(weights)} numbers, the labels {wanted}.")
    return weights


def numbers(asked: Sequence[str]) -> tuple[float, ...]:
    """Read weights that are numbers; none of "balanced".

    Raises:
        FairTuneError: other words, or numbers that are not finite and above 0.
    """
    if list(asked) == [BALANCED]:
        return ()
    try:
        weights = tuple(float(one) for one in asked)
    except ValueError:
        weights = (np.nan,)
    if not all(0 < weight < np.inf for weight in weights):
        raise FairTuneError(
            f"`class_weights` is {' '.join(map(str, asked))}; give balanced, or a number above 0 for each class."
        )
    return weights
