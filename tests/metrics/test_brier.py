import math

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from hf_fairtune.metrics.brier import brier, squared_errors

from .samples import split


@pytest.mark.parametrize("seed", range(3))
def test_it_is_sklearns(seed: int) -> None:
    labels, scores, _ = split(seed=seed)
    assert brier(labels, scores) == pytest.approx(brier_score_loss(labels, scores))


def test_values_one_can_tell_by_hand() -> None:
    labels = np.array([1, 0, 0, 0])
    assert squared_errors(labels, np.full(4, 0.25)).tolist() == [0.5625, 0.0625, 0.0625, 0.0625]
    assert brier(labels, np.full(4, 0.25)) == 0.25 * 0.75
    assert brier(labels, labels.astype(float)) == 0
    assert brier(labels, 1.0 - labels) == 1
    assert math.isnan(brier(labels[:0], np.zeros(0)))
