import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import brier_score_loss

from hf_fairtune.audits.metrics.brier import CLUSTERED_MEAN, MEAN, brier, mean_interval
from hf_fairtune.document.estimate import Reason

from ..samples import few, split


@pytest.mark.parametrize("seed", range(3))
def test_it_is_sklearns(seed: int) -> None:
    labels, scores, _ = split(seed=seed)
    assert brier(labels, scores).value == pytest.approx(brier_score_loss(labels, scores))


def test_values_one_can_tell_by_hand() -> None:
    labels = np.array([1, 0, 0, 0])
    assert brier(labels, np.full(4, 0.25)).value == 0.25 * 0.75
    assert brier(labels, labels.astype(float)).value == 0
    assert brier(labels, 1.0 - labels).value == 1
    assert math.isnan(brier(labels[:0], np.zeros(0)).value)


def test_its_interval_ends_at_0_and_1() -> None:
    labels = np.repeat([0, 1], [39, 1])
    found = brier(labels, labels * 0.0)
    raw = mean_interval(1.0 * labels)
    assert raw.low < 0 == found.low < found.value < found.high == raw.high
    assert brier(labels, 1.0 - labels * 0.0, confidence=0.999).high == 1


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
    effective = 5**2 / (2**2 + 2**2 + 1)
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, effective - 1) * error)


def test_copies_of_rows_add_nothing() -> None:
    values = np.random.default_rng(1).random(40)
    once = mean_interval(values, np.arange(40))
    thrice = mean_interval(np.repeat(values, 3), np.repeat(np.arange(40), 3))
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))


@pytest.mark.parametrize(
    ("values", "clusters", "reason"),
    [
        ([], None, few("rows", 0, 1)),
        ([0.5], None, few("rows", 1, 2)),
        ([0.5, 0.6], [0, 0], few("clusters", 1, 2)),
        ([0.5, 0.5], None, Reason("equal_values")),
    ],
)
def test_no_interval_has_a_reason(values: list[float], clusters: list[int] | None, reason: Reason) -> None:
    found = mean_interval(np.array(values), None if clusters is None else np.array(clusters))
    assert found.reasons == (reason,)
    assert not found.bounded
    assert found.defined == bool(values)


def test_coverage_with_clusters() -> None:
    rng, inside = np.random.default_rng(2), 0
    clusters = np.repeat(np.arange(40), 3)
    for _ in range(300):
        values = rng.normal(size=40)[clusters] + 0.5 * rng.normal(size=120)
        found = mean_interval(values, clusters)
        inside += found.low <= 0 <= found.high
    assert 0.92 <= inside / 300 <= 0.98
