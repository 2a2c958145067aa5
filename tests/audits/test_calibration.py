import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from hf_fairtune.audits.calibration import fit_calibration
from hf_fairtune.errors import FairTuneError

from .samples import split


def sklearns(labels: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Platt's targets as weights: every row once as a positive and once as a negative."""
    positives, negatives = labels.sum(), (1 - labels).sum()
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    z = np.tile(logit(scores), 2)[:, None]
    both = np.repeat([1, 0], len(labels))
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    model.fit(z, both, sample_weight=np.concatenate([targets, 1 - targets]))
    return float(model.coef_[0, 0]), float(model.intercept_[0])


@pytest.mark.parametrize("seed", range(3))
def test_the_line_is_sklearns(seed: int) -> None:
    labels, scores, _ = split(seed=seed, digits=4)
    found = fit_calibration(labels, scores)
    np.testing.assert_allclose([found.slope, found.intercept], sklearns(labels, scores), rtol=1e-4)
    calibrated = expit(found.slope * logit(scores) + found.intercept)
    assert found.log_loss_before == pytest.approx(log_loss(labels, scores))
    assert found.log_loss_after == pytest.approx(log_loss(labels, calibrated))
    assert found.fitted_on == "validation"


@given(
    st.lists(st.floats(0.001, 0.999), min_size=3, max_size=40, unique_by=lambda p: round(p, 3)),
    st.integers(1, 2**40 - 2),
)
def test_the_fit_is_where_the_gradient_vanishes(scores: list[float], bits: int) -> None:
    """Maximum likelihood of a logistic line: residuals sum to 0, and so do residuals times z."""
    labels = np.array([bits >> i & 1 for i in range(len(scores))])
    labels[:2] = 0, 1
    found = fit_calibration(labels, scores)
    positives, z = labels.sum(), logit(np.array(scores))
    targets = np.where(labels, (positives + 1) / (positives + 2), 1 / (len(labels) - positives + 2))
    residuals = expit(found.slope * z + found.intercept) - targets
    np.testing.assert_allclose([residuals.mean(), (residuals * z).mean()], 0, atol=1e-6)


def test_it_undoes_a_wrong_scale() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=20_000)
    labels = (rng.random(len(z)) < expit(z)).astype(int)
    found = fit_calibration(labels, expit(3 * z + 1))
    assert found.slope == pytest.approx(1 / 3, abs=0.02)
    assert found.intercept == pytest.approx(-1 / 3, abs=0.05)
    assert found.log_loss_after < found.log_loss_before


def test_separated_rows_and_certain_scores_stay_finite() -> None:
    labels = np.repeat([0, 1], 10)
    for scores in (np.linspace(0.1, 0.9, 20), labels.astype(float)):
        found = fit_calibration(labels, scores)
        assert 0 < found.slope < 100
        assert np.isfinite([found.intercept, found.log_loss_before, found.log_loss_after]).all()


def test_a_wrong_ranking_has_a_negative_slope_and_none_has_zero() -> None:
    labels, scores, _ = split()
    assert fit_calibration(labels, 1 - scores).slope < 0
    found = fit_calibration(labels, np.full(len(labels), 0.7))
    assert found.slope == 0
    assert expit(found.intercept) == pytest.approx(labels.mean(), abs=0.01)


def test_bad_input_is_one_line() -> None:
    with pytest.raises(FairTuneError, match="`calibration` has 3 positives in 3 rows"):
        fit_calibration([1, 1, 1], [0.1, 0.2, 0.3], "calibration")
    with pytest.raises(FairTuneError, match="`scores` has 1 values that are NaN"):
        fit_calibration([0, 1], [0.5, np.nan])
