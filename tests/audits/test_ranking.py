import numpy as np
import pytest

from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.audits.engine.resampled_rows import ResampledRows
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from hf_fairtune.audits.metrics.auc import auc_estimates
from hf_fairtune.audits.ranking import PRIOR_SPREAD, pool, rank_groups
from hf_fairtune.document.audit import Ranking

from .samples import group_aucs, rows


def ranking(given: ScoredRows, included: tuple[int, ...] = (0, 1, 2)) -> Ranking | None:
    """Rank without a bootstrap."""
    own = ResampledRows(given, included, None, 0.95)
    return rank_groups(own, auc_estimates(own), 0)


def ranked(given: ScoredRows, included: tuple[int, ...] = (0, 1, 2)) -> Ranking:
    found = ranking(given, included)
    assert found is not None
    return found


def test_rows_are_the_groups() -> None:
    found = ranked(rows())
    assert [row.group for row in found.groups] == ["a", "b", "c"]
    assert sorted(row.rank for row in found.groups) == [1, 2, 3]
    assert sum(row.worst_share for row in found.groups) == pytest.approx(1)
    worst = min(found.groups, key=lambda row: row.pooled)
    assert worst.rank == 1
    aucs = group_aucs(rows().labels, rows().scores, rows().groups, 3)
    for row, value in zip(found.groups, aucs, strict=True):
        assert row.low < row.pooled < row.high
        assert abs(row.pooled - found.mean) < abs(value - found.mean)
    assert not found.left_out


def test_groups_without_an_auc_or_excluded_are_left_out_by_name() -> None:
    assert ranked(rows(positives=(30, 25, 0))).left_out == ["c"]
    assert ranked(rows(), (0, 2)).left_out == ["b"]
    assert ranking(rows(), (1,)) is None
    assert ranking(rows(positives=(30, 0, 0))) is None


def test_a_lucky_handful_is_drawn_to_the_rest() -> None:
    """Three positives above all negatives: an AUC of 1 that says next to nothing."""
    rng = np.random.default_rng(0)
    labels, groups = np.repeat([1, 0, 1, 0], [60, 200, 3, 20]), np.repeat([0, 1], [260, 23])
    scores = np.where(groups == 1, 9.0 * labels, rng.normal(1.2 * labels))
    found = ranked(check_rows(labels, scores, groups, ["many", "few"]), (0, 1))
    many, few = found.groups
    assert few.pooled < 0.95
    assert few.high - few.low > 2 * (many.high - many.low)
    assert many.pooled == pytest.approx(auc(labels[groups == 0], scores[groups == 0]), abs=0.02)


def test_rows_of_a_patient_do_not_count_twice() -> None:
    plain = rows()
    alone = ranked(plain)
    index = np.repeat(np.arange(len(plain.labels)), 2)
    doubled = ScoredRows(plain.labels[index], plain.scores[index], plain.groups[index], plain.group_names, index)
    found = ranked(doubled)
    for own, other in zip(found.groups, alone.groups, strict=True):
        assert own.high - own.low == pytest.approx(other.high - other.low, rel=0.05)


def test_perfect_groups_have_finite_numbers() -> None:
    given = rows()
    found = ranked(ScoredRows(given.labels, given.labels.astype(float), given.groups, given.group_names))
    assert all(0.9 < row.low < row.pooled < row.high < 1 for row in found.groups)


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
    (_, found_tau, found), (centres, tau) = pool(VALUES, ERRORS), slow_posterior()
    assert found[0] == pytest.approx(centres, abs=2e-3)
    assert found_tau == pytest.approx(tau, abs=0.02)


def test_small_groups_move_most_and_stay_in_order() -> None:
    _, _, (centres, low, high, shares) = pool(VALUES, ERRORS)
    moved = np.abs(centres - VALUES)
    assert moved[3] > moved[0]
    assert moved[1] > moved[2]
    assert ((low < centres) & (centres < high)).all()
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 3
    assert (high - low < 2 * 1.96 * ERRORS + 1e-2).all()


def test_the_seed_makes_the_draws() -> None:
    first, again, other = (pool(VALUES, ERRORS, seed=seed)[2] for seed in (1, 1, 2))
    assert (first[1] == again[1]).all()
    assert (first[0] == other[0]).all()
    assert (first[1] != other[1]).any()


def test_exact_numbers_are_left_alone() -> None:
    centres, _, _, shares = pool(VALUES, np.full(4, 1e-4))[2]
    assert centres == pytest.approx(VALUES, abs=1e-6)
    assert shares.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("tau", [0.0, 0.3])
def test_pooled_values_are_nearer_and_intervals_cover(tau: float) -> None:
    rng = np.random.default_rng(5)
    errors = np.array([0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    raw, pooled, inside, hits = [], [], [], np.zeros(2)
    for seed in range(200):
        truth = rng.normal(1.7, tau, 8)
        values = rng.normal(truth, errors)
        centres, low, high, shares = pool(values, errors, seed=seed)[2]
        raw.append((values - truth) ** 2)
        pooled.append((centres - truth) ** 2)
        inside.append((low <= truth) & (truth <= high))
        hits += [values.argmin() == truth.argmin(), shares.argmax() == truth.argmin()]
    assert np.mean(pooled) < 0.7 * np.mean(raw)
    assert np.mean(inside) > 0.93
    # Where all are the same there is no worst to find.
    assert not tau or hits[1] > hits[0]
