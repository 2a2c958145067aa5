import numpy as np
import pytest

from hf_fairtune.errors import FairTuneError
from hf_fairtune.intervals.pooling import PRIOR_SPREAD, pool

VALUES, ERRORS = np.array([1.2, 2.1, 1.6, 0.4]), np.array([0.2, 0.5, 0.15, 0.6])


def slow_posterior() -> tuple[np.ndarray, float]:
    """Posterior means of the groups and the median spread by sums over a plain grid of spreads and means."""
    taus, means = np.linspace(0.001, 6, 3000)[:, None], np.linspace(-6, 8, 2000)[None]
    weights = np.exp(-((taus / PRIOR_SPREAD) ** 2) / 2) + 0 * means
    for value, error in zip(VALUES, ERRORS, strict=True):
        spread = np.hypot(taus, error)
        weights *= np.exp(-(((value - means) / spread) ** 2) / 2) / spread
    weights /= weights.sum()
    held = [taus**2 / (taus**2 + error**2) for error in ERRORS]
    centres = [(weights * (means + h * (v - means))).sum() for h, v in zip(held, VALUES, strict=True)]
    return np.array(centres), float(taus[np.searchsorted(weights.sum(axis=1).cumsum(), 0.5), 0])


def test_pooled_values_are_those_of_the_plain_grid() -> None:
    found, (centres, tau) = pool(VALUES, ERRORS), slow_posterior()
    assert found.centres == pytest.approx(centres, abs=2e-3)
    assert found.tau == pytest.approx(tau, abs=0.02)


def test_small_groups_move_most_and_stay_in_order_of_the_evidence() -> None:
    found = pool(VALUES, ERRORS)
    moved = np.abs(found.centres - VALUES)
    assert moved[3] > moved[0]
    assert moved[1] > moved[2]
    assert ((found.low < found.centres) & (found.centres < found.high)).all()
    assert found.worst_shares.sum() == pytest.approx(1)
    assert found.worst_shares.argmax() == 3
    assert (found.high - found.low < 2 * 1.96 * ERRORS + 1e-2).all()


def test_the_seed_makes_the_draws() -> None:
    first, again, other = (pool(VALUES, ERRORS, seed=seed) for seed in (1, 1, 2))
    assert (first.low == again.low).all()
    assert (first.centres == other.centres).all()
    assert (first.low != other.low).any()


def test_exact_numbers_are_left_alone() -> None:
    found = pool(VALUES, np.full(4, 1e-4))
    assert found.centres == pytest.approx(VALUES, abs=1e-6)
    assert found.worst_shares.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("tau", [0.0, 0.3])
def test_pooled_values_are_nearer_and_intervals_cover(tau: float) -> None:
    rng = np.random.default_rng(5)
    errors = np.array([0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    raw, pooled, inside, hits = [], [], [], np.zeros(2)
    for seed in range(200):
        truth = rng.normal(1.7, tau, 8)
        values = rng.normal(truth, errors)
        found = pool(values, errors, seed=seed)
        raw.append((values - truth) ** 2)
        pooled.append((found.centres - truth) ** 2)
        inside.append((found.low <= truth) & (truth <= found.high))
        hits += [values.argmin() == truth.argmin(), found.worst_shares.argmax() == truth.argmin()]
    assert np.mean(pooled) < 0.7 * np.mean(raw)
    assert np.mean(inside) > 0.93
    # Where all are the same there is no worst to find.
    assert not tau or hits[1] > hits[0]


@pytest.mark.parametrize(("values", "errors"), [([1.0], [0.1]), ([1.0, 2.0], [0.1, 0.0]), ([1.0, np.inf], [0.1, 0.1])])
def test_what_cannot_be_pooled_is_refused(values: list[float], errors: list[float]) -> None:
    with pytest.raises(FairTuneError, match="cannot be pooled; pass two or more"):
        pool(np.array(values), np.array(errors))
