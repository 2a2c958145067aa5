import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_fairtune.errors import FairTuneError
from hf_fairtune.metrics.sensitivity_at_specificity import sensitivity_at_specificity
from hf_fairtune.metrics.specificity_at_sensitivity import specificity_at_sensitivity

from .samples import tied_splits

Split = tuple[np.ndarray, np.ndarray, np.ndarray]
SHARES = st.sampled_from([0.2, 0.5, 0.8, 0.9, 1.0])
METRICS = (sensitivity_at_specificity, specificity_at_sensitivity)


def points(labels: np.ndarray, scores: np.ndarray) -> list[tuple[float, float, float]]:
    """Sensitivity, specificity and cut at every score, and above all."""
    cuts = [*np.unique(scores), np.nextafter(scores.max(), np.inf)]
    return [((scores[labels == 1] >= cut).mean(), (scores[labels == 0] < cut).mean(), cut) for cut in cuts]


@settings(max_examples=60, deadline=None)
@given(tied_splits(least=1), SHARES)
def test_they_are_the_best_achieved_points(drawn: Split, target: float) -> None:
    labels, scores, _ = drawn
    sensitive = max(point for point in points(labels, scores) if point[1] >= target)
    found = sensitivity_at_specificity(labels, scores, target)
    assert found.value == sensitive[0]
    assert (found.value, found.achieved, found.threshold) in points(labels, scores)
    specific = max((point[1], point[0]) for point in points(labels, scores) if point[0] >= target)
    found = specificity_at_sensitivity(labels, scores, target)
    assert found.value == specific[0]
    assert (found.achieved, found.value, found.threshold) in points(labels, scores)


def test_a_negative_on_top_leaves_nobody_above_the_cut() -> None:
    found = sensitivity_at_specificity(np.array([0, 1, 1]), np.array([0.9, 0.9, 0.1]), 1.0)
    assert (found.value, found.achieved) == (0, 1)
    assert 0.9 < found.threshold < 0.9 + 1e-12


@pytest.mark.parametrize("metric", METRICS)
def test_a_missing_class_is_nan_and_a_share_out_of_range_is_told(metric) -> None:  # type: ignore[no-untyped-def]
    found = metric(np.zeros(3, dtype=int), np.arange(3.0), 0.9)
    assert np.isnan([found.value, found.achieved, found.threshold]).all()
    with pytest.raises(FairTuneError, match="share above 0"):
        metric(np.array([0, 1]), np.array([0.1, 0.2]), 90)
