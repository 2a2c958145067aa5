import numpy as np
import pytest

from hf_fairtune.metrics.rates import rate_counts, ratio, spread

from .samples import split


def test_counts_and_rates_by_hand() -> None:
    labels = np.array([1, 1, 0, 0, 1, 0])
    predictions = np.array([1, 0, 1, 0, 1, 1])
    counts = rate_counts(labels, predictions, np.array([0, 0, 0, 0, 1, 1]), 3)
    assert counts.positives.tolist() == [2, 1, 0]
    assert counts.true_positives.tolist() == [1, 1, 0]
    assert counts.false_positives.tolist() == [1, 1, 0]
    np.testing.assert_array_equal(counts.tpr, [0.5, 1, np.nan])
    np.testing.assert_array_equal(counts.fpr, [0.5, 1, np.nan])
    np.testing.assert_array_equal(counts.selection_rate, [0.5, 1, np.nan])


def test_spread_propagates_nan_and_needs_two_groups() -> None:
    assert spread(np.array([0.2, 0.9, 0.5])) == pytest.approx(0.7)
    assert np.isnan(spread(np.array([0.2, np.nan])))
    assert np.isnan(spread(np.array([0.2])))
    np.testing.assert_array_equal(ratio(np.array([1, 0]), np.array([2, 0])), [0.5, np.nan])


def test_positive_class_decides_what_tpr_means() -> None:
    labels, scores, groups = split()
    predictions = (scores >= 0.5).astype(int)
    counts, flipped = (rate_counts(y, p, groups, 3) for y, p in ((labels, predictions), (1 - labels, 1 - predictions)))
    np.testing.assert_allclose(flipped.tpr, 1 - counts.fpr)
