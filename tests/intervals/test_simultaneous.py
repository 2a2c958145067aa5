import numpy as np
import pytest
from scipy.stats import norm

from hf_fairtune.intervals.simultaneous import minimum_interval, range_interval

ERRORS = np.full((1, 3), 0.1)


def normal_draws(values: np.ndarray, spread: float, n_boot: int = 4000) -> np.ndarray:
    return values + spread * np.random.default_rng(0).normal(size=(n_boot, *values.shape))


def test_two_numbers_give_the_interval_of_their_difference() -> None:
    values = np.array([[0.8, 0.5]])
    low, high = range_interval(values, normal_draws(values, 0.02), ERRORS[:, :2], 0.95)
    half = norm.ppf(0.975) * 0.02 * np.sqrt(2)
    assert (low, high) == pytest.approx((0.3 - half, 0.3 + half), abs=0.004)


def test_equal_groups_reach_zero_and_hold_the_range() -> None:
    values = np.array([[0.80, 0.801, 0.799]])
    draws = normal_draws(values, 0.05)
    low, high = range_interval(values, draws, ERRORS, 0.95)
    assert low == 0
    assert high > 0.1
    assert np.quantile(np.ptp(draws[:, 0], axis=1), 0.025) > np.ptp(values), (
        "the percentile interval misses the range itself"
    )


def test_minimum_uses_the_critical_value_for_all() -> None:
    values = np.array([[0.6, 0.7, 0.8]])
    low, high = minimum_interval(values, normal_draws(values, 0.02), ERRORS, 0.95)
    half = norm.ppf((1 + 0.95 ** (1 / 3)) / 2) * 0.02
    assert (low, high) == pytest.approx((0.6 - half, 0.6 + half), abs=0.004)


def test_numbers_that_never_vary_fall_back_on_their_errors() -> None:
    values = np.ones((1, 3))
    draws = np.ones((50, 1, 3))
    z = norm.ppf(0.975)
    assert minimum_interval(values, draws, ERRORS, 0.95) == pytest.approx((1 - z * 0.1, 1))
    assert range_interval(values, draws, ERRORS, 0.95) == pytest.approx((0, z * 0.1 * np.sqrt(2)))


def test_range_covers_over_repeated_samples() -> None:
    rng = np.random.default_rng(1)
    for truth in (np.full((1, 4), 0.5), np.array([[0.3, 0.5, 0.5, 0.6]])):
        inside = 0
        for _ in range(150):
            values = truth + 0.03 * rng.normal(size=truth.shape)
            draws = values + 0.03 * rng.normal(size=(300, *truth.shape))
            low, high = range_interval(values, draws, np.full((1, 4), 0.1), 0.95)
            inside += low <= np.ptp(truth) <= high
        assert inside >= 135
