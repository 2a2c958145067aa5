import numpy as np
import pytest

from hf_fairtune.audits.engine import resampling
from hf_fairtune.audits.engine.resampling import plan


def drawn(cells: np.ndarray, clusters: np.ndarray | None = None, n_boot: int = 200) -> np.ndarray:
    resample = plan(cells, clusters)
    return np.concatenate([resample.draw(part, seed=0) for part in resample.parts(n_boot)])


def test_every_replicate_keeps_the_cells() -> None:
    cells = np.repeat([0, 1, 4], [5, 1, 9])
    weights = drawn(cells)
    for cell, size in ((0, 5), (1, 1), (4, 9)):
        assert (weights[:, cells == cell].sum(axis=1) == size).all()


def test_weights_are_multinomial() -> None:
    """Of 8 draws from 8 units each count has mean 1, variance 7/8, and the pairs covariance -1/8."""
    weights = drawn(np.zeros(8, dtype=int), n_boot=40_000)
    covariance = np.cov(weights.T)
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.03)
    np.testing.assert_allclose(covariance, np.eye(8) - 1 / 8, atol=0.03)


def test_parts_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = np.repeat([0, 1], [6, 7])
    whole = drawn(cells)
    monkeypatch.setattr(resampling, "CHUNK_WEIGHTS", 30)
    np.testing.assert_array_equal(drawn(cells), whole)
    assert plan(cells, None).parts(5) == [range(2), range(2, 4), range(4, 5)]
    np.testing.assert_array_equal(plan(cells, None).draw(range(150, 153), 0), whole[150:153])


def test_a_seed_is_one_stream() -> None:
    """Replicates drawn apart are those that NumPy's default generator gives in a row."""
    cells = np.repeat([0, 1], [2, 3])
    uniform = np.random.default_rng(0).random((200, 5))
    place = np.where(cells == 0, 0, 2) + (uniform * np.where(cells == 0, 2, 3)).astype(int)
    np.testing.assert_array_equal(drawn(cells), [np.bincount(row, minlength=5) for row in place])


def test_pure_clusters_are_stratified() -> None:
    clusters = np.array([0, 0, 1, 2, 2, 3])
    cells = np.array([5, 5, 2, 2, 2, 5])
    resample = plan(cells, clusters)
    assert resample.method == "cluster bootstrap, stratified by group x label"
    weights = drawn(cells, clusters)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 1])
    np.testing.assert_array_equal(weights[:, 3], weights[:, 4])
    assert (weights[:, 0] + weights[:, 5] == 2).all()
    assert (weights[:, 2] + weights[:, 3] == 2).all()


def test_mixed_clusters_are_drawn_whole() -> None:
    clusters = np.array([0, 0, 1, 2])
    resample = plan(np.array([0, 1, 0, 1]), clusters)
    assert resample.method == "cluster bootstrap"
    weights = drawn(np.array([0, 1, 0, 1]), clusters)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 1])
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()
