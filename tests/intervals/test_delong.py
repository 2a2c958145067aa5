import math

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import norm

from hf_fairtune.intervals.delong import (
    LOGIT_DELONG,
    NEWCOMBE,
    auc_difference,
    auc_interval,
    delong_variance,
    newcombe_interval,
)
from hf_fairtune.intervals.estimate import Estimate
from hf_fairtune.metrics.auc import auc

from ..metrics.samples import split, tied_splits


def slow_delong(labels: np.ndarray, scores: np.ndarray) -> float:
    """DeLong's structural components by a double loop."""
    high, low = scores[labels == 1], scores[labels == 0]
    wins = np.array([[(p > q) + (p == q) / 2 for q in low] for p in high])
    v10, v01 = wins.mean(axis=1), wins.mean(axis=0)
    s10 = sum((v - wins.mean()) ** 2 for v in v10) / (len(high) - 1)
    s01 = sum((v - wins.mean()) ** 2 for v in v01) / (len(low) - 1)
    return s10 / len(high) + s01 / len(low)


@settings(max_examples=60, deadline=None)
@given(tied_splits(least=1))
def test_variance_is_delongs_double_loop(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, scores, _ = drawn
    assert delong_variance(labels, scores) == pytest.approx(slow_delong(labels, scores), abs=1e-14)


def test_interval_is_symmetric_on_the_logit_scale() -> None:
    labels, scores, _ = split()
    found = auc_interval(labels, scores, 0.9)
    logits = [math.log(x / (1 - x)) for x in (found.low, found.value, found.high)]
    expected = norm.ppf(0.95) * math.sqrt(slow_delong(labels, scores)) / (found.value * (1 - found.value))
    assert logits[1] - logits[0] == pytest.approx(expected)
    assert logits[2] - logits[1] == pytest.approx(expected)
    assert (found.method, found.reason) == (LOGIT_DELONG, None)


@pytest.mark.parametrize(
    ("labels", "scores", "value"),
    [
        ([0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6], 1.0),
        ([1, 1, 1, 0, 0, 0], [1, 2, 3, 4, 5, 6], 0.0),
        ([0, 1, 0, 1, 0, 1, 1], [0.1] * 7, 0.5),
        ([0, 0, 1], [1, 3, 2], 0.5),
    ],
)
def test_without_variance_newcombe_keeps_a_width(labels: list[int], scores: list[float], value: float) -> None:
    found = auc_interval(np.array(labels), np.array(scores, dtype=float))
    assert found.value == value
    assert found.method == NEWCOMBE
    assert 0 <= found.low <= value <= found.high <= 1
    assert found.high - found.low > 0.3


def test_newcombe_bounds_solve_the_score_equation() -> None:
    """Both ends sit z standard errors of Hanley & McNeil (mean class size) from the value."""
    value, m, n = 0.8, 12, 30
    for t in newcombe_interval(value, m, n):
        mean = (m + n) / 2 - 1
        q1, q2 = t / (2 - t), 2 * t * t / (1 + t)
        variance = (t * (1 - t) + mean * (q1 - t * t) + mean * (q2 - t * t)) / (m * n)
        assert abs(value - t) == pytest.approx(norm.ppf(0.975) * math.sqrt(variance), rel=1e-6)
    assert newcombe_interval(1.0, m, n)[0] == pytest.approx(1 - newcombe_interval(0.0, m, n)[1])


@pytest.mark.parametrize(("label", "reason"), [(0, "no positives"), (1, "no negatives")])
def test_one_class_has_no_auc_but_a_reason(label: int, reason: str) -> None:
    found = auc_interval(np.full(5, label), np.arange(5.0))
    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.reason == reason


def test_difference_is_mover() -> None:
    first, second = Estimate(0.9, 0.8, 0.95, LOGIT_DELONG), Estimate(0.7, 0.6, 0.85, NEWCOMBE)
    found = auc_difference(first, second)
    assert found.value == pytest.approx(0.2)
    assert found.low == pytest.approx(0.2 - math.hypot(0.1, 0.15))
    assert found.high == pytest.approx(0.2 + math.hypot(0.05, 0.1))
    assert LOGIT_DELONG in found.method
    assert NEWCOMBE in found.method


def test_coverage_of_auc_and_difference() -> None:
    rng = np.random.default_rng(0)
    truth, runs = norm.cdf(1.2 / math.sqrt(2)), 200
    labels = np.repeat([1, 0], [25, 80])
    inside = np.zeros(2)
    for _ in range(runs):
        a, b = (auc_interval(labels, rng.normal(1.2 * labels)) for _ in range(2))
        difference = auc_difference(a, b)
        inside += [a.low <= truth <= a.high, difference.low <= 0 <= difference.high]
    assert (inside / runs > 0.9).all()
    assert auc(labels, labels.astype(float)) == 1
