from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from hf_fairtune.audits.engine.bands import Family, Over, furthest_within, gap_value, standard_errors
from hf_fairtune.document.estimate import Estimate, point

VALUES = np.array([[0.5, 0.6, 0.72], [0.1, 0.1, 0.3]])
NONE = np.zeros((2, 3))


def drawn(spread: float = 0.02, n: int = 800, values: np.ndarray = VALUES) -> np.ndarray:
    return values + spread * np.random.default_rng(0).normal(size=(n, *values.shape))


def pairs(values: np.ndarray, draws: np.ndarray, level: float) -> tuple[np.ndarray, ...]:
    """The band around the differences of all pairs of groups."""
    contrasts = [([g], slice(g + 1, None)) for g in range(values.shape[1] - 1)]
    return Family(values, np.zeros_like(values), level).band(draws, contrasts)


def test_the_band_is_one_for_all_pairs_and_kinds() -> None:
    draws = drawn()
    centres, half = pairs(VALUES, draws, 0.9)
    two = list(combinations(range(3), 2))
    differences = np.stack([draws[:, :, a] - draws[:, :, b] for a, b in two], axis=-1)
    wanted = np.stack([VALUES[:, a] - VALUES[:, b] for a, b in two], axis=-1)
    np.testing.assert_allclose(centres, wanted)
    inside = (np.abs(differences - centres) <= half + 1e-12).all(axis=(1, 2))
    assert inside.mean() == pytest.approx(0.9, abs=0.005)
    ratios = half / differences.std(axis=0)
    np.testing.assert_allclose(ratios, ratios[0, 0])
    assert ratios[0, 0] > norm.ppf(0.95)


def test_the_mean_of_ranges_lies_between_the_means_of_their_bounds() -> None:
    low, high = Family(VALUES, NONE, 0.95).gap(drawn(), Over.MEAN_RANGE)
    assert low < (0.22 + 0.2) / 2 < high
    alone = Family(VALUES[:1], NONE[:1], 0.95).gap(drawn()[:, :1], Over.MEAN_RANGE)
    assert alone == Family(VALUES[:1], NONE[:1], 0.95).gap(drawn()[:, :1])


def test_equal_groups_may_have_no_gap() -> None:
    """A percentile interval of these replicates would not reach the value of equality."""
    equal = np.full((1, 3), 0.5)
    draws = drawn(0.05, values=equal)
    percentile = np.quantile(np.ptp(draws[:, 0], axis=1), 0.025)
    assert percentile > 0
    assert Family(equal, NONE[:1], 0.95).gap(draws, Over.MEAN_RANGE)[0] == 0
    low, high = Family(equal, NONE[:1], 0.95).gap(draws, Over.FURTHEST, 1)
    assert low < 0 < high
    low, high = Family(np.log(equal), NONE[:1], 0.95).gap(np.log(draws), Over.LOWEST_SHARE)
    assert low < high == 1


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(-10, 10), st.integers(0, 8)), min_size=1, max_size=4))
def test_furthest_within_is_a_search_of_the_box(boxes: list[tuple[int, int]]) -> None:
    low, high = np.array([(a, a + width) for a, width in boxes], dtype=float).T
    grids = [np.arange(a, b + 0.5, 1) for a, b in zip(low, high, strict=True)]
    furthest = [value for point in product(*grids) for value in point if abs(value) == max(map(abs, point))]
    assert furthest_within(low, high) == (min(furthest), max(furthest))


def test_a_signed_gap_keeps_its_side_where_that_is_clear() -> None:
    low, high = Family(VALUES[:1], NONE[:1], 0.95).gap(drawn()[:, :1], Over.FURTHEST, 0)
    assert 0 < low < 0.22 < high
    low, high = Family(VALUES[:1], NONE[:1], 0.95).gap(drawn()[:, :1], Over.FURTHEST, 2)
    assert low < -0.22 < high < 0
    alone = Family(VALUES[:1, :2], NONE[:1, :2], 0.95).gap(drawn()[:, :1, :2], Over.FURTHEST, 0)
    centre, half = pairs(VALUES[:1, :2], drawn()[:, :1, :2], 0.95)
    assert alone == pytest.approx((-centre.item() - half.item(), -centre.item() + half.item()))


def test_a_ratio_is_the_exponential_of_a_difference() -> None:
    logs = np.log(VALUES[:1])
    low, high = Family(logs, NONE[:1], 0.95).gap(np.log(drawn()[:, :1]), Over.LOWEST_SHARE)
    assert low < 0.5 / 0.72 < high < 1
    centre, half = pairs(logs, np.log(drawn()[:, :1]), 0.95)
    assert (low, high) == pytest.approx((np.exp(-(abs(centre) + half).max()), np.exp(-(abs(centre) - half).max())))


def test_what_never_varies_has_the_fallback_width() -> None:
    still = np.repeat(VALUES[None, :1], 50, axis=0)
    low, high = Family(VALUES[:1], np.full((1, 3), 0.02), 0.95).gap(still, Over.FURTHEST, 0)
    assert low < 0.22 < high
    low, high = Family(VALUES[:1], np.full((1, 3), 0.02), 0.95).gap(still, Over.MEAN_RANGE)
    assert low < 0.22 < high


ERRORS = np.full((1, 3), 0.1)


def normal_draws(values: np.ndarray, spread: float, n_boot: int = 4000) -> np.ndarray:
    return values + spread * np.random.default_rng(0).normal(size=(n_boot, *values.shape))


def test_two_numbers_give_the_interval_of_their_difference() -> None:
    values = np.array([[0.8, 0.5]])
    low, high = Family(values, NONE[:1, :2], 0.95).gap(normal_draws(values, 0.02))
    half = norm.ppf(0.975) * 0.02 * np.sqrt(2)
    assert (low, high) == pytest.approx((0.3 - half, 0.3 + half), abs=0.004)


def test_equal_groups_reach_zero_and_hold_the_range() -> None:
    values = np.array([[0.80, 0.801, 0.799]])
    draws = normal_draws(values, 0.05)
    low, high = Family(values, ERRORS, 0.95).gap(draws)
    assert low == 0
    assert high > 0.1
    assert np.quantile(np.ptp(draws[:, 0], axis=1), 0.025) > np.ptp(values), (
        "the percentile interval misses the range itself"
    )


def test_minimum_uses_the_critical_value_for_all() -> None:
    values = np.array([[0.6, 0.7, 0.8]])
    low, high = Family(values, NONE[:1], 0.95).extreme(normal_draws(values, 0.02))
    half = norm.ppf((1 + 0.95 ** (1 / 3)) / 2) * 0.02
    assert (low, high) == pytest.approx((0.6 - half, 0.6 + half), abs=0.004)


def test_replicates_are_stretched_to_the_errors_of_the_groups_own_intervals() -> None:
    """Of the first group, whose error is larger; not of the second, nor is what they share lost."""
    values, errors, narrow = np.array([[0.6, 0.7]]), np.array([[0.06, 0.01]]), np.array([[0.02, 0.02]])
    shared = np.random.default_rng(0).normal(size=(4000, 1, 1))
    draws = normal_draws(values, 0.02)
    centre, half = Family(values, errors, 0.95).band(draws, [([0, 1], None)])
    assert centre.tolist() == values.tolist()
    assert half[0, 0] / half[0, 1] == pytest.approx(3, rel=0.05)
    _, difference = Family(values, errors, 0.95).band(draws, [([0], [1])])
    assert difference.item() == pytest.approx(norm.ppf(0.975) * np.hypot(0.06, 0.02), rel=0.05)
    _, together = Family(values, errors, 0.95).band(values + 0.02 * shared, [([0], [1])])
    assert together.item() == pytest.approx(norm.ppf(0.975) * (0.06 - 0.02), rel=0.05)
    np.testing.assert_allclose(
        Family(values, narrow / 2, 0.95).band(draws, [([0], [1])]),
        Family(values, 0 * narrow, 0.95).band(draws, [([0], [1])]),
    )


def test_standard_errors_are_half_widths_over_the_quantile() -> None:
    known = Estimate(0.5, 0.4, 0.7, ""), point(0.5, "")
    assert standard_errors(known, 0.9) == pytest.approx([0.15 / norm.ppf(0.95), 0])


def test_numbers_that_never_vary_fall_back_on_their_errors() -> None:
    values = np.ones((1, 3))
    draws = np.ones((50, 1, 3))
    z = norm.ppf(0.975)
    assert Family(values, ERRORS, 0.95).extreme(draws) == pytest.approx((1 - z * 0.1, 1))
    assert Family(values, ERRORS, 0.95).gap(draws) == pytest.approx((0, z * 0.1 * np.sqrt(2)))


def test_range_covers_over_repeated_samples() -> None:
    rng = np.random.default_rng(1)
    for truth in (np.full((1, 4), 0.5), np.array([[0.3, 0.5, 0.5, 0.6]])):
        inside = 0
        for _ in range(150):
            values = truth + 0.03 * rng.normal(size=truth.shape)
            draws = values + 0.03 * rng.normal(size=(300, *truth.shape))
            low, high = Family(values, np.full((1, 4), 0.1), 0.95).gap(draws)
            inside += low <= np.ptp(truth) <= high
        assert inside >= 135


def test_the_highest_is_the_lowest_of_the_negated() -> None:
    values = np.array([[0.6, 0.7, 0.8]])
    draws = normal_draws(values, 0.02)
    low, high = Family(values, ERRORS, 0.95).extreme(draws, highest=True)
    turned = Family(-values, ERRORS, 0.95, (-1.0, 0.0)).extreme(-draws)
    assert (low, high) == pytest.approx((-turned[1], -turned[0]))
    assert low < 0.8 < high


def test_values_are_ranges_means_shares_and_furthest_differences() -> None:
    assert gap_value(VALUES, Over.LARGEST_RANGE) == pytest.approx(0.22)
    assert gap_value(VALUES, Over.MEAN_RANGE) == pytest.approx(0.21)
    assert gap_value(VALUES, Over.LOWEST_SHARE) == pytest.approx(0.5 / 0.72)
    assert gap_value(VALUES, Over.FURTHEST, 2) == pytest.approx(-0.22)
    assert np.isnan(gap_value(np.zeros((1, 3)), Over.LOWEST_SHARE))
    assert np.isnan([gap_value(np.array([[0.2, np.nan]]), over) for over in Over]).all()
    assert np.isnan([gap_value(VALUES[:, :1], over) for over in Over]).all()
