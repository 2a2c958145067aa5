import math

import numpy as np
import pytest
from scipy.stats import binomtest

from hf_fairtune.audits.engine.delong import mover_difference
from hf_fairtune.audits.engine.proportions import (
    clopper_pearson,
    confusion,
    correlation,
    mover,
    paired_difference,
    ratio,
    total,
    wilson,
)
from hf_fairtune.document.estimate import Estimate


@pytest.mark.parametrize(("k", "n"), [(0, 12), (12, 12), (3, 7), (40, 900), (1, 1)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_wilson_is_scipys(k: int, n: int, confidence: float) -> None:
    value, low, high = wilson(k, n, confidence)
    expected = binomtest(k, n).proportion_ci(confidence, "wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert low <= value == k / n <= high
    assert high > low


@pytest.mark.parametrize(("k", "n"), [(0, 12), (12, 12), (3, 7), (40, 900), (1, 1)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.9999])
def test_clopper_pearson_is_scipys(k: int, n: int, confidence: float) -> None:
    expected = binomtest(k, n).proportion_ci(confidence, "exact")
    assert clopper_pearson(k, n, confidence) == pytest.approx((k / n, expected.low, expected.high), abs=1e-12)


def test_no_trials_is_undefined_and_several_come_at_once() -> None:
    found = wilson([[0, 3], [1, 2]], [[0, 7], [1, 9]])
    assert found.shape == (3, 2, 2)
    assert np.isnan(found[:, 0, 0]).all()
    np.testing.assert_array_equal(found[:, 0, 1], wilson(3, 7))


@pytest.mark.parametrize("correlation", [0.0, 0.6, -0.4])
@pytest.mark.parametrize("weights", [(0.5, 0.5), (1.0, -1.0), (1.0, -0.25), (0.0, -0.0)])
def test_mover_of_symmetric_intervals_adds_up_like_errors(weights: tuple[float, float], correlation: float) -> None:
    """Half-widths of 0.3 and 0.1 add up as standard errors do."""
    covariance = np.array([[0.09, 0.03 * correlation], [0.03 * correlation, 0.01]])
    half = np.sqrt(np.array(weights) @ covariance @ weights)
    value = weights[0] * 0.5 + weights[1] * 0.7
    found = mover([(0.5, 0.2, 0.8), (0.7, 0.6, 0.8)], weights, correlation)
    assert found == pytest.approx((value, value - half, value + half))


def test_mover_is_the_difference_of_two_aucs() -> None:
    first, second = Estimate(0.9, 0.7, 0.95, "m"), Estimate(0.8, 0.75, 0.9, "m")
    wanted = mover_difference(first, second)
    found = mover([(0.9, 0.7, 0.95), (0.8, 0.75, 0.9)], (1.0, -1.0))
    assert found == pytest.approx((wanted.value, wanted.low, wanted.high))


def test_mover_without_an_interval_has_none() -> None:
    found = mover([(0.9, np.nan, np.nan), (0.8, 0.75, 0.9)], (0.5, 0.5))
    assert found[0] == pytest.approx(0.85)
    assert np.isnan(found[1:]).all()


def test_two_rates_correlate_as_over_clusters_drawn_again() -> None:
    """Clusters of a positive and two negatives that are decided alike: the slow way draws them again."""
    rng = np.random.default_rng(0)
    own = rng.random((200, 1)) < 0.6
    right = np.where(rng.random((200, 3)) < 0.6, own, rng.random((200, 3)) < 0.6)
    hits, clears = right[:, 0].astype(float), right[:, 1:].sum(axis=1).astype(float)
    found = correlation(hits - hits.mean(), clears - clears.mean())
    drawn = rng.integers(200, size=(4000, 200))
    assert found == pytest.approx(np.corrcoef(hits[drawn].mean(axis=1), clears[drawn].mean(axis=1))[0, 1], abs=0.04)
    assert found > 0.3
    assert correlation(np.array([1.0, -1, 0, 0]), np.array([0.0, 0, 2, -2])) == correlation(hits * 0, clears) == 0


def test_a_paired_difference_is_the_published_one() -> None:
    """Airway hyper-responsiveness, Fagerland, Lydersen & Laake 2014: 1 and 7 of 21 children differ."""
    value, *bounds = paired_difference(1, 7, 21)
    assert value == pytest.approx(-6 / 21)
    assert bounds == pytest.approx([-0.508, -0.013], abs=6e-4)


@pytest.mark.parametrize(
    ("gained", "lost", "trials"), [(0, 0, 1), (0, 0, 15), (3, 3, 30), (15, 0, 15), (1000, 0, 1000)]
)
def test_a_paired_difference_turns_with_its_sides_and_keeps_a_width(gained: int, lost: int, trials: int) -> None:
    value, low, high = paired_difference(gained, lost, trials)
    assert -1 <= low <= value <= high <= 1
    assert high - low > 0.001
    assert paired_difference(lost, gained, trials) == pytest.approx((-value, -high, -low))


def test_counts_by_hand() -> None:
    labels = np.array([1, 1, 0, 0, 1, 0])
    predictions = np.array([1, 0, 1, 0, 1, 1])
    counts = confusion(labels, predictions, np.array([0, 0, 0, 0, 1, 1]), 3)
    assert counts.shape == (4, 4)
    wanted = {"positives": [2, 1, 0, 3], "true_positives": [1, 1, 0, 2], "false_positives": [1, 1, 0, 2]}
    wanted |= {"negatives": [2, 1, 0, 3], "true_negatives": [1, 0, 0, 1], "predicted_positives": [2, 2, 0, 4]}
    for name, values in (wanted | {"rows": [4, 2, 0, 6], "predicted_negatives": [2, 0, 0, 2]}).items():
        assert total(counts, (name,)).tolist() == values, name
    assert total(counts, ("positives", "rows")).tolist() == [6, 3, 0, 9]
    np.testing.assert_array_equal(ratio(np.array([1, 0]), np.array([2, 0])), [0.5, np.nan])


@pytest.mark.parametrize(("few", "many"), [(10, 1000), (20, 50), (60, 1000)])
@pytest.mark.parametrize("rate", [0.02, 0.05, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("level", [0.95, 0.998])
def test_the_interval_keeps_its_level_in_few_cases(few: int, many: int, rate: float, level: float) -> None:
    """Over all counts that can be: equal shares are told apart in no more than the tail's share of samples."""
    rng = np.random.default_rng(0)
    first, second = rng.binomial(few, rate, 4000), rng.binomial(many, rate, 4000)
    beyond = np.zeros(2)
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        _, low, high = mover([clopper_pearson(one, few, level), clopper_pearson(other, many, level)], (1.0, -1.0))
        beyond += low > 0, high < 0
    tail = (1 - level) / 2
    assert (beyond <= 4000 * tail + 2 * math.sqrt(4000 * tail)).all()
