import numpy as np
import pytest
from scipy.stats import binomtest

from hf_fairtune.audits.engine.proportions import confusion, paired_difference, ratio, total, wilson


@pytest.mark.parametrize(("k", "n"), [(0, 12), (12, 12), (3, 7), (40, 900), (1, 1)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_wilson_is_scipys(k: int, n: int, confidence: float) -> None:
    value, low, high = wilson(k, n, confidence)
    expected = binomtest(k, n).proportion_ci(confidence, "wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert low <= value == k / n <= high
    assert high > low


def test_no_trials_is_undefined_and_several_come_at_once() -> None:
    found = wilson([[0, 3], [1, 2]], [[0, 7], [1, 9]])
    assert found.shape == (3, 2, 2)
    assert np.isnan(found[:, 0, 0]).all()
    np.testing.assert_array_equal(found[:, 0, 1], wilson(3, 7))


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
