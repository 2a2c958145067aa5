import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.metrics import log_loss

from hf_fairtune.metrics.calibration_intercept import calibration_intercept, no_intercept

from .samples import split


@pytest.mark.parametrize("seed", range(3))
def test_it_minimises_the_log_loss(seed: int) -> None:
    labels, scores, _ = split(seed=seed)
    best = minimize_scalar(lambda a: log_loss(labels, expit(logit(scores) + a)), bracket=(-1, 1), tol=1e-10).x
    assert calibration_intercept(labels, scores) == pytest.approx(best, abs=1e-6)


@given(st.lists(st.floats(1e-12, 1 - 1e-12), min_size=2, max_size=40), st.integers(0, 2**40 - 1))
def test_as_many_positives_as_expected(scores: list[float], bits: int) -> None:
    labels = np.array([bits >> i & 1 for i in range(len(scores))])
    labels[:2] = 0, 1
    found = calibration_intercept(labels, np.array(scores))
    assert expit(logit(np.array(scores)) + found).mean() == pytest.approx(labels.mean())


def test_constant_scores_have_one_and_a_shift_comes_back() -> None:
    labels = np.array([1, 0, 0, 0])
    assert calibration_intercept(labels, np.full(4, 0.5)) == pytest.approx(math.log(1 / 3))
    rng = np.random.default_rng(0)
    z = rng.normal(size=50_000)
    labels = (rng.random(len(z)) < expit(z)).astype(int)
    assert calibration_intercept(labels, expit(z - 0.7)) == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize(
    ("labels", "scores", "reason"),
    [
        ([], [], "no rows"),
        ([0, 0], [0.1, 0.2], "no positives"),
        ([1, 1], [0.1, 0.2], "no negatives"),
        ([1, 0], [0.0, 0.2], "exactly 0 or 1"),
        ([1, 0], [0.1, 1.0], "exactly 0 or 1"),
    ],
)
def test_where_there_is_none_the_reason_is_told(labels: list[int], scores: list[float], reason: str) -> None:
    assert reason in str(no_intercept(np.array(labels), np.array(scores)))
    assert math.isnan(calibration_intercept(np.array(labels), np.array(scores)))
