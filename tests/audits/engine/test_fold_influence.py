"""AUCs of pairs within folds, and how rows move them: by pairs, and under another scale in each fold."""

import numpy as np
import pytest
from scipy.special import expit

from hf_fairtune.audits.benchmarks import benchmark_of
from hf_fairtune.audits.engine.auc_influence import auc_influence, spread
from hf_fairtune.audits.engine.delong import auc, delong_parts
from hf_fairtune.audits.engine.fold_influence import fold_auc_influence
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from tests.benchmark_samples import task_of


def drawn(n: int = 150, folds: int = 3) -> tuple[ScoredRows, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, n)
    scores = rng.standard_normal(n) + labels
    return check_rows(labels, scores, np.zeros(n, int), ["a"]), scores, rng.integers(0, folds, n)


def test_the_mean_and_its_variance_by_slow_sums_over_pairs() -> None:
    rows, scores, folds = drawn()
    won, pairs, variance, every = 0.0, 0, 0.0, np.ones(len(scores), bool)
    for fold in range(3):
        part = folds == fold
        above = scores[part & (rows.labels == 1)][:, None] - scores[part & (rows.labels == 0)][None]
        won, pairs = won + (above > 0).sum() + (above == 0).sum() / 2, pairs + above.size
    for fold in range(3):
        part = folds == fold
        size = rows.labels[part].sum() * (1 - rows.labels[part]).sum()
        variance += (size / pairs) ** 2 * delong_parts(rows.labels[part], scores[part]).sum()
    value, influence = fold_auc_influence(rows, scores, every, folds)
    assert value == pytest.approx(won / pairs)
    assert spread(influence, None) ** 2 == pytest.approx(variance)


def test_another_scale_in_each_fold_changes_nothing_where_a_pooled_auc_falls() -> None:
    rows, scores, folds = drawn()
    every, shifted = np.ones(len(scores), bool), scores + 3.0 * folds
    value, influence = fold_auc_influence(rows, scores, every, folds)
    again, moved = fold_auc_influence(rows, shifted, every, folds)
    assert (again, moved.tolist()) == (pytest.approx(value), pytest.approx(influence.tolist()))
    assert auc(rows.labels, shifted) < value - 0.05


def test_one_fold_is_no_fold() -> None:
    rows, scores, folds = drawn(folds=1)
    kept = rows.labels >= 0
    value, influence = fold_auc_influence(rows, scores, kept, folds)
    known, moves = auc_influence(rows, scores, kept)
    assert (value, influence.tolist()) == (known, moves.tolist())


def test_a_lone_case_of_a_fold_moves_the_auc_by_how_far_its_fold_is_off() -> None:
    labels, folds = np.array([1, 0, 0, 1, 1, 0, 0, 0]), np.array([0, 0, 0, 1, 1, 1, 1, 1])
    scores = np.array([0.5, 0.1, 0.9, 0.8, 0.4, 0.3, 0.6, 0.2])
    rows = check_rows(labels, scores, np.zeros(8, int), ["a"])
    value, influence = fold_auc_influence(rows, scores, labels >= 0, folds)
    assert value == pytest.approx((2 * 0.5 + 6 * 5 / 6) / 8)
    assert influence[0] == pytest.approx(2 / 8 * (0.5 - value))
    assert np.isfinite(influence).all()


def test_a_fold_without_a_class_does_not_count_and_no_pair_is_nan() -> None:
    labels, folds = np.array([1, 0, 1, 0, 1, 1]), np.array([0, 0, 0, 0, 1, 1])
    rows = check_rows(labels, np.arange(6.0), np.zeros(6, int), ["a"])
    value, influence = fold_auc_influence(rows, rows.scores, labels >= 0, folds)
    assert value == auc(labels[:4], np.arange(4.0))
    assert influence[4:].tolist() == [0, 0]
    assert np.isnan(fold_auc_influence(rows, rows.scores, labels == 1, folds)[0])


def test_a_task_of_folds_ranks_rows_among_those_of_their_fold() -> None:
    task = task_of(np.random.default_rng(1), folds=4)
    plain = benchmark_of([task], "full").tasks[0]
    for one in task.methods:
        logits = np.log(one.scores / (1 - one.scores)) + 0.8 * (task.folds - 1.5)
        one.scores[:] = expit(logits)
    shifted = benchmark_of([task], "full").tasks[0]
    assert plain.folds == 4
    for before, after in zip(plain.methods, shifted.methods, strict=True):
        assert after.auc.mean.value == pytest.approx(before.auc.mean.value)
        assert after.auc_gap.mean.high == pytest.approx(before.auc_gap.mean.high)
        if before.against:
            assert after.against
            assert after.against.verdict == before.against.verdict
