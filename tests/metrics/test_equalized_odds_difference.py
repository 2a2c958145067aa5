import fairlearn.metrics
import numpy as np
import pytest
from hypothesis import given, settings

from hf_fairtune.metrics.equalized_odds_difference import equalized_odds_difference

from .samples import tied_splits


@settings(max_examples=25, deadline=None)
@given(tied_splits(least=1))
def test_it_is_fairlearns(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, scores, groups = drawn
    predictions = (scores >= 0.5).astype(int)
    expected = fairlearn.metrics.equalized_odds_difference(labels, predictions, sensitive_features=groups)
    assert equalized_odds_difference(labels, predictions, groups, 3) == pytest.approx(expected)


def test_the_convention_is_the_maximum() -> None:
    """TPR 0.9 and 0.6, FPR 0.1 and 0.2: the mean would say 0.2, the signed mean -0.1."""
    labels = np.tile(np.repeat([1, 0], 10), 2)
    predictions = np.concatenate([np.arange(10) < k for k in (9, 1, 6, 2)]).astype(int)
    groups = np.repeat([0, 1], 20)
    assert equalized_odds_difference(labels, predictions, groups, 2) == pytest.approx(0.3)


def test_a_group_without_positives_makes_it_nan_never_zero() -> None:
    labels, groups = np.array([1, 0, 0, 0]), np.array([0, 0, 1, 1])
    assert np.isnan(equalized_odds_difference(labels, labels, groups, 2))
    assert np.isnan(equalized_odds_difference(labels, labels, np.zeros(4, dtype=int), 1))
