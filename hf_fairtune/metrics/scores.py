"""Scores from a model's outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from ..errors import FairTuneError


def scores_from_logits(predictions: Any) -> np.ndarray:
    """Compute the probability of class 1 of each row, float64 [n].

    Args:
        predictions: logits [n, 2] (softmax), or [n, 1] or [n] (sigmoid); of a tuple the first item.

    Raises:
        FairTuneError: the logits have another shape.
    """
    logits = predictions[0] if isinstance(predictions, (tuple, list)) else predictions
    logits = np.asarray(logits, dtype=np.float64)
    if logits.ndim == 2 and logits.shape[1] == 2:
        # Subtracted after scaling down, as the difference of two large logits of opposite sign may overflow.
        return expit(2 * (logits[:, 1] / 2 - logits[:, 0] / 2))
    if logits.ndim == 1 or (logits.ndim == 2 and logits.shape[1] == 1):
        return expit(logits.reshape(len(logits)))
    raise FairTuneError(f"The logits have shape {logits.shape}; a binary classifier gives [n, 2], [n, 1] or [n].")
