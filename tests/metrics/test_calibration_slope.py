import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from hf_fairtune.intervals.recalibration import slope_interval
from hf_fairtune.metrics.calibration_slope import NOT_FOUND, calibration_slope, logistic_line, no_slope

from .samples import split


@pytest.mark.parametrize("seed", range(3))
def test_it_is_sklearns_without_penalty(seed: int) -> None:
    labels, scores, _ = split(seed=seed)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(logit(scores)[:, None], labels)
    assert calibration_slope(labels, scores) == pytest.approx(model.coef_[0, 0], rel=1e-4)
    assert logistic_line(labels, logit(scores))[1] == pytest.approx(model.intercept_[0], rel=1e-3, abs=1e-4)


@given(
    st.lists(st.integers(1, 99), min_size=3, max_size=40),
    st.integers(0, 2**40 - 1),
    st.sampled_from([1e-6, 1.0, 1e4]),
)
def test_residuals_vanish_and_so_do_they_times_z(percents: list[int], bits: int, scale: float) -> None:
    labels = np.array([bits >> i & 1 for i in range(len(percents))])
    scores = np.array(percents) / 100
    assume(no_slope(labels, scores) is None)
    z = logit(scores) * scale
    slope, intercept = logistic_line(labels, z)
    residuals = expit(slope * z + intercept) - labels
    np.testing.assert_allclose([residuals.mean(), (residuals * z / scale).mean()], 0, atol=1e-8)


def test_it_tells_bold_from_timid_scores() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(-1, 1, 50_000)
    labels = (rng.random(len(z)) < expit(z)).astype(int)
    for factor in (0.5, 1, 3, -1):
        assert calibration_slope(labels, expit(factor * z)) == pytest.approx(1 / factor, rel=0.04)


@pytest.mark.parametrize(
    ("labels", "scores", "reason"),
    [
        ([], [], "no rows"),
        ([0, 0], [0.1, 0.2], "no positives"),
        ([1, 1], [0.1, 0.2], "no negatives"),
        ([1, 0, 1], [0.0, 0.2, 0.1], "scores of exactly 0 or 1"),
        ([1, 0, 1], [0.1, 0.2, 1.0], "scores of exactly 0 or 1"),
        ([1, 0, 1], [0.1, 0.1, 0.1], "all scores are equal"),
        ([0, 0, 1], [0.1, 0.2, 0.3], "separate the classes"),
        ([1, 1, 0], [0.1, 0.2, 0.3], "separate the classes"),
        ([0, 0, 1, 1], [0.1, 0.2, 0.2, 0.3], "separate the classes"),
    ],
)
def test_where_there_is_none_the_reason_is_told(labels: list[int], scores: list[float], reason: str) -> None:
    truth, values = np.array(labels), np.array(scores)
    assert reason in str(no_slope(truth, values))
    assert math.isnan(calibration_slope(truth, values))


def test_rows_that_precision_cannot_tell_from_separated_ones_have_none() -> None:
    labels, scores = np.array([0, 1, 0, 1]), np.array([1e-249, 0.5 - 3e-12, 0.5 - 2e-12, 0.5 + 3e-12])
    assert no_slope(labels, scores) is None
    assert math.isnan(calibration_slope(labels, scores))
    assert slope_interval(labels, scores).reason == NOT_FOUND


def test_nearly_separated_rows_still_have_their_slope() -> None:
    labels = np.repeat([0, 1], 1000)
    z = np.concatenate([np.linspace(-9, -3, 1000), np.linspace(3, 9, 1000)])
    z[[999, 1000]] = 3.5, -3.5
    slope, intercept = logistic_line(labels, z)
    residuals = expit(slope * z + intercept) - labels
    assert abs(residuals @ z) < 1e-6
    assert 0 < slope < 5
