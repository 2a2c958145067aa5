import fairlearn.metrics
import numpy as np
import pytest
from hypothesis import given, settings

from hf_fairtune.metrics.demographic_parity_difference import demographic_parity_difference

from .samples import tied_splits


@settings(max_examples=25, deadline=None)
@given(tied_splits(least=1))
def test_it_is_fairlearns(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, scores, groups = drawn
    predictions = (scores >= 0.5).astype(int)
    expected = fairlearn.metrics.demographic_parity_difference(labels, predictions, sensitive_features=groups)
    assert demographic_parity_difference(predictions, groups, 3) == pytest.approx(expected)


def test_a_group_without_rows_makes_it_nan() -> None:
    assert np.isnan(demographic_parity_difference(np.array([0, 1]), np.array([0, 1]), 3))
    assert np.isnan(demographic_parity_difference(np.array([0, 1]), np.array([0, 0]), 1))
