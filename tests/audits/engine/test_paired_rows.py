from itertools import permutations

import numpy as np
import pytest
from scipy.stats import norm

from hf_fairtune.audits.engine.paired_rows import minimum_change, range_change

Given = tuple[np.ndarray, np.ndarray, float, np.ndarray]


def family(kinds: int = 2, groups: int = 3, seed: int = 0, level: float = 0.9) -> Given:
    """Numbers around 0.7, an error to be added for one group, the level, and correlated replicates."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.6, 0.8, (2, kinds, groups))
    shared = rng.normal(0, 0.03, (60, kinds, groups))
    draws = values[:, None] + shared + rng.normal(0, 0.01, (2, 60, kinds, groups))
    errors = np.zeros((kinds, groups))
    errors[-1, -1] = 0.02
    return values, errors, level, draws.swapaxes(0, 1)


def slow_maximum_change(model: list[tuple[float, np.ndarray, float]], reference: list, level: float) -> tuple:  # type: ignore[type-arg]
    """Every contrast by itself: items are value, replicates and variance to add."""
    contrasts = {}
    for p, (value, draws, extra) in enumerate(model):
        for q, (other, other_draws, other_extra) in enumerate(reference):
            spread = (np.var(draws - other_draws) + max(extra, other_extra)) ** 0.5
            contrasts[p, q] = (value - other, draws - other_draws, spread)
    furthest = [max(abs(d[b] - c) / s for c, d, s in contrasts.values()) for b in range(len(model[0][1]))]
    critical = max(np.quantile(furthest, level), norm.ppf((1 + level) / 2))
    lows = {k: c - critical * s for k, (c, _, s) in contrasts.items()}
    highs = {k: c + critical * s for k, (c, _, s) in contrasts.items()}
    places = range(len(model))
    low = min(max(lows[p, q] for p in places) for q in places)
    return low, max(min(highs[p, q] for q in places) for p in places)


def test_the_change_of_a_range_is_a_loop_over_contrasts_of_pairs() -> None:
    values, errors, level, both = family()

    def pairs(side: int) -> list[tuple[float, np.ndarray, float]]:
        found = []
        for kind in range(2):
            for g, h in permutations(range(3), 2):
                value, draws = values[side, kind], both[:, side, kind]
                extra = errors[kind, g] ** 2 + errors[kind, h] ** 2
                found.append((value[g] - value[h], draws[:, g] - draws[:, h], extra))
        return found

    expected = slow_maximum_change(pairs(0), pairs(1), 0.9)
    np.testing.assert_allclose(range_change(values, errors, level, both), expected, rtol=1e-9)


def test_the_change_of_a_minimum_is_a_loop_over_contrasts_of_groups() -> None:
    values, errors, level, both = family(kinds=1)
    sides = [[(-values[s, 0, g], -both[:, s, 0, g], errors[0, g] ** 2) for g in range(3)] for s in (0, 1)]
    low, high = slow_maximum_change(*sides, 0.9)
    np.testing.assert_allclose(minimum_change(values, errors, level, both), (-high, -low), rtol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_band_holds_the_change_and_turns_with_the_models(seed: int) -> None:
    values, errors, level, draws = family(kinds=1 + seed % 2, groups=2 + seed % 3, seed=seed, level=0.95)
    ranges, lowest = np.ptp(values, axis=-1).max(axis=-1), values.min(axis=(1, 2))
    for band, change in ((range_change, np.subtract(*ranges)), (minimum_change, np.subtract(*lowest))):
        low, high = band(values, errors, level, draws)
        assert low <= change <= high
        np.testing.assert_allclose(band(values[::-1], errors, level, draws[:, ::-1]), (-high, -low), atol=1e-12)


def test_a_model_against_itself_has_no_width() -> None:
    values, errors, level, draws = family(kinds=1)
    itself = values[[0, 0]], 0 * errors, level, draws[:, [0, 0]]
    assert range_change(*itself) == minimum_change(*itself) == (0, 0)


def test_more_confidence_is_wider() -> None:
    (low, high), (wider_low, wider_high) = (range_change(*family(level=level)) for level in (0.8, 0.99))
    assert wider_low < low < high < wider_high
