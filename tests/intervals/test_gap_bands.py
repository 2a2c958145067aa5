from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from hf_fairtune.intervals.gap_bands import _furthest_within, furthest_interval, mean_range_interval, share_interval
from hf_fairtune.intervals.simultaneous import difference_band, range_interval

VALUES = np.array([[0.5, 0.6, 0.72], [0.1, 0.1, 0.3]])
NONE = np.zeros((2, 3))


def drawn(spread: float = 0.02, n: int = 800, values: np.ndarray = VALUES) -> np.ndarray:
    return values + spread * np.random.default_rng(0).normal(size=(n, *values.shape))


def test_the_band_is_one_for_all_pairs_and_kinds() -> None:
    draws = drawn()
    centres, half = difference_band(VALUES, draws, NONE, 0.9)
    pairs = list(combinations(range(3), 2))
    differences = np.stack([draws[:, :, a] - draws[:, :, b] for a, b in pairs], axis=-1)
    wanted = np.stack([VALUES[:, a] - VALUES[:, b] for a, b in pairs], axis=-1)
    np.testing.assert_allclose(centres, wanted)
    inside = (np.abs(differences - centres) <= half + 1e-12).all(axis=(1, 2))
    assert inside.mean() == pytest.approx(0.9, abs=0.005)
    ratios = half / differences.std(axis=0)
    np.testing.assert_allclose(ratios, ratios[0, 0])
    assert ratios[0, 0] > norm.ppf(0.95)


def test_the_mean_of_ranges_lies_between_the_means_of_their_bounds() -> None:
    low, high = mean_range_interval(VALUES, drawn(), NONE, 0.95)
    assert low < (0.22 + 0.2) / 2 < high
    alone = mean_range_interval(VALUES[:1], drawn()[:, :1], NONE[:1], 0.95)
    assert alone == range_interval(VALUES[:1], drawn()[:, :1], NONE[:1], 0.95)


def test_equal_groups_may_have_no_gap() -> None:
    """A percentile interval of these replicates would not reach the value of equality."""
    equal = np.full((1, 3), 0.5)
    draws = drawn(0.05, values=equal)
    percentile = np.quantile(np.ptp(draws[:, 0], axis=1), 0.025)
    assert percentile > 0
    assert mean_range_interval(equal, draws, NONE[:1], 0.95)[0] == 0
    low, high = furthest_interval(equal, draws, NONE[:1], 0.95, 1)
    assert low < 0 < high
    low, high = share_interval(np.log(equal), np.log(draws), NONE[:1], 0.95)
    assert low < high == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(-10, 10), st.integers(0, 8)), min_size=1, max_size=4))
def test_furthest_within_is_a_search_of_the_box(boxes: list[tuple[int, int]]) -> None:
    low, high = np.array([(a, a + width) for a, width in boxes], dtype=float).T
    grids = [np.arange(a, b + 0.5, 1) for a, b in zip(low, high, strict=True)]
    furthest = [value for point in product(*grids) for value in point if abs(value) == max(map(abs, point))]
    assert _furthest_within(low, high) == (min(furthest), max(furthest))


def test_a_signed_gap_keeps_its_side_where_that_is_clear() -> None:
    low, high = furthest_interval(VALUES[:1], drawn()[:, :1], NONE[:1], 0.95, 0)
    assert 0 < low < 0.22 < high
    low, high = furthest_interval(VALUES[:1], drawn()[:, :1], NONE[:1], 0.95, 2)
    assert low < -0.22 < high < 0
    alone = furthest_interval(VALUES[:1, :2], drawn()[:, :1, :2], NONE[:1, :2], 0.95, 0)
    centre, half = difference_band(VALUES[:1, :2], drawn()[:, :1, :2], NONE[:1, :2], 0.95)
    assert alone == pytest.approx((-centre.item() - half.item(), -centre.item() + half.item()))


def test_a_ratio_is_the_exponential_of_a_difference() -> None:
    logs = np.log(VALUES[:1])
    low, high = share_interval(logs, np.log(drawn()[:, :1]), NONE[:1], 0.95)
    assert low < 0.5 / 0.72 < high < 1
    centre, half = difference_band(logs, np.log(drawn()[:, :1]), NONE[:1], 0.95)
    assert (low, high) == pytest.approx((np.exp(-(abs(centre) + half).max()), np.exp(-(abs(centre) - half).max())))


def test_what_never_varies_has_the_fallback_width() -> None:
    still = np.repeat(VALUES[None, :1], 50, axis=0)
    low, high = furthest_interval(VALUES[:1], still, np.full((1, 3), 0.02), 0.95, 0)
    assert low < 0.22 < high
    low, high = mean_range_interval(VALUES[:1], still, np.full((1, 3), 0.02), 0.95)
    assert low < 0.22 < high
