import numpy as np
import pytest
from scipy.stats import binomtest

from hf_fairtune.intervals.proportion import paired_difference, wilson


@pytest.mark.parametrize(("k", "n"), [(0, 12), (12, 12), (3, 7), (40, 900), (1, 1)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_wilson_is_scipys(k: int, n: int, confidence: float) -> None:
    found = wilson(k, n, confidence)
    expected = binomtest(k, n).proportion_ci(confidence, "wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert found.low <= found.value <= found.high
    assert found.high > found.low


def test_no_trials_is_undefined_with_a_reason() -> None:
    found = wilson(0, 0)
    assert np.isnan(found.value)
    assert found.reason


def test_a_paired_difference_is_the_published_one() -> None:
    """Airway hyper-responsiveness, Fagerland, Lydersen & Laake 2014: 1 and 7 of 21 children differ."""
    found = paired_difference(1, 7, 21)
    assert found.value == pytest.approx(-6 / 21)
    assert (found.low, found.high) == pytest.approx((-0.508, -0.013), abs=6e-4)


@pytest.mark.parametrize(
    ("gained", "lost", "trials"), [(0, 0, 1), (0, 0, 15), (3, 3, 30), (15, 0, 15), (1000, 0, 1000)]
)
def test_a_paired_difference_turns_with_its_sides_and_keeps_a_width(gained: int, lost: int, trials: int) -> None:
    found, back = paired_difference(gained, lost, trials), paired_difference(lost, gained, trials)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0.001
    assert (back.value, back.low, back.high) == pytest.approx((-found.value, -found.high, -found.low))


def test_a_paired_difference_of_nothing_is_undefined() -> None:
    assert paired_difference(0, 0, 0).reason == "the denominator is 0"
