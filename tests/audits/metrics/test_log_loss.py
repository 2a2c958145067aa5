"""Log loss against scikit-learn, at scores that are certain too."""

import math

import numpy as np
import pytest
import sklearn.metrics

from hf_fairtune.audits.metrics.log_loss import METRIC, log_loss

from ..samples import split


@pytest.mark.parametrize("seed", range(3))
def test_it_is_sklearns(seed: int) -> None:
    labels, scores, _ = split(seed=seed)
    assert log_loss(labels, scores) == pytest.approx(sklearn.metrics.log_loss(labels, scores))


def test_certain_scores_are_clipped_as_in_sklearn() -> None:
    labels, scores = np.array([1, 0, 1, 0]), np.array([0.0, 0.0, 1.0, 0.5])
    assert log_loss(labels, scores) == pytest.approx(sklearn.metrics.log_loss(labels, scores))
    assert log_loss(labels[:1], scores[:1]) == METRIC.limits[1] == pytest.approx(36.04, abs=0.01)
    assert log_loss(labels[2:3], scores[2:3]) == pytest.approx(0, abs=1e-15)


def test_the_prevalence_has_its_entropy() -> None:
    labels = np.repeat([1, 0], [5, 95])
    assert log_loss(labels, np.full(100, 0.05)) == pytest.approx(-0.05 * math.log(0.05) - 0.95 * math.log(0.95))
    assert round(log_loss(labels, np.full(100, 0.05)), 2) == 0.20
    assert math.isnan(log_loss(labels[:0], np.zeros(0)))
