import math

import numpy as np
import pytest
from scipy import stats

from hf_fairtune.intervals.mean import CLUSTERED_MEAN, MEAN, mean_interval


def test_without_clusters_it_is_the_t_interval() -> None:
    values = np.random.default_rng(0).random(37)
    found = mean_interval(values, None, 0.9)
    expected = stats.t.interval(0.9, 36, loc=values.mean(), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)
    singles = mean_interval(values, np.arange(37)[::-1], 0.9)
    assert (singles.low, singles.high) == pytest.approx(expected)
    assert (found.method, singles.method) == (MEAN, CLUSTERED_MEAN)


def test_clusters_are_summed() -> None:
    values, clusters = np.array([1.0, 2, 4, 5, 9]), np.array([0, 0, 3, 3, 7])
    found = mean_interval(values, clusters)
    sums = [(1 - 4.2) + (2 - 4.2), (4 - 4.2) + (5 - 4.2), 9 - 4.2]
    error = math.sqrt(3 / 2 * sum(s * s for s in sums)) / 5
    assert found.value == 4.2
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 2) * error)


def test_copies_of_rows_add_nothing() -> None:
    values = np.random.default_rng(1).random(40)
    once = mean_interval(values, np.arange(40))
    thrice = mean_interval(np.repeat(values, 3), np.repeat(np.arange(40), 3))
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))


@pytest.mark.parametrize(
    ("values", "clusters", "reason"),
    [
        ([], None, "no rows"),
        ([0.5], None, "a single row"),
        ([0.5, 0.6], [0, 0], "a single cluster"),
        ([0.5, 0.5], None, "the same value in every row"),
    ],
)
def test_no_interval_has_a_reason(values: list[float], clusters: list[int] | None, reason: str) -> None:
    found = mean_interval(np.array(values), None if clusters is None else np.array(clusters))
    assert reason in str(found.reason)
    assert np.isnan([found.low, found.high]).all()
    assert math.isnan(found.value) == (not values)


def test_coverage_with_clusters() -> None:
    rng, inside = np.random.default_rng(2), 0
    clusters = np.repeat(np.arange(40), 3)
    for _ in range(300):
        values = rng.normal(size=40)[clusters] + 0.5 * rng.normal(size=120)
        found = mean_interval(values, clusters)
        inside += found.low <= 0 <= found.high
    assert 0.92 <= inside / 300 <= 0.98
