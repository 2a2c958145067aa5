"""Weighted AUCs, their variances, and what weighted rows are worth, against slow sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from hf_fairtune.audits.engine.clusters import (
    auc_covariances,
    effective_cases,
    effective_clusters,
    effective_rows,
    effective_trials,
    paired_variance,
)
from hf_fairtune.audits.engine.delong import auc, auc_interval, delong_parts
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows


def slow_auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    """Pair by pair: a pair counts the product of its weights."""
    won = whole = 0.0
    for y, p, v in zip(labels, scores, weights, strict=True):
        for z, q, w in zip(labels, scores, weights, strict=True):
            if y == 1 and z == 0:
                won += v * w * ((p > q) + (p == q) / 2)
                whole += v * w
    return won / whole


def jackknife(rows: ScoredRows, number: str, hits: np.ndarray | None = None) -> float:
    """The variance of a weighted number by leaving out one unit at a time, to which linearisation tends."""
    assert rows.clusters is not None
    assert rows.weights is not None
    values = []
    for unit in np.unique(rows.clusters):
        kept = rows.clusters != unit
        if number == "auc":
            values.append(auc(rows.labels[kept], rows.scores[kept], rows.weights[kept]))
        else:
            assert hits is not None
            values.append(float(np.average(hits[kept], weights=rows.weights[kept])))
    n = len(values)
    return float((n - 1) ** 2 / n * np.var(values, ddof=1))


def sample(n: int, seed: int = 0, per_cluster: int = 1) -> ScoredRows:
    rng = np.random.default_rng(seed)
    labels = np.append([0, 1], rng.integers(0, 2, n - 2))
    clusters = np.arange(n) // per_cluster if per_cluster > 1 else None
    weights = rng.gamma(2.0, size=n) + 0.1
    return check_rows(labels, np.round(rng.normal(labels), 1), labels * 0, ["a"], clusters, weights)


@given(st.integers(0, 10_000))
def test_the_auc_counts_pairs_by_their_weights(seed: int) -> None:
    rows = sample(14, seed)
    assert rows.weights is not None
    found = auc(rows.labels, rows.scores, rows.weights)
    assert found == pytest.approx(slow_auc(rows.labels, rows.scores, rows.weights), abs=1e-12)
    assert found == pytest.approx(roc_auc_score(rows.labels, rows.scores, sample_weight=rows.weights), abs=1e-12)


@pytest.mark.parametrize("per_cluster", [1, 3])
def test_the_variance_of_an_auc_is_that_of_leaving_units_out(per_cluster: int) -> None:
    rows = sample(1500, 1, per_cluster)
    assert rows.clusters is not None
    found = auc_covariances([(rows.labels, rows.scores, rows.clusters)], [rows.weights])[0, 0]
    assert found == pytest.approx(jackknife(rows, "auc"), rel=0.03)


@pytest.mark.parametrize("per_cluster", [1, 3])
def test_the_variance_of_a_change_is_that_of_leaving_units_out(per_cluster: int) -> None:
    rows = sample(1500, 1, per_cluster)
    assert rows.clusters is not None
    assert rows.weights is not None
    others = rows.scores + np.random.default_rng(5).normal(size=1500)
    found = paired_variance(rows.labels, rows.scores, others, rows.clusters, rows.weights)
    values = []
    for unit in np.unique(rows.clusters):
        kept = rows.clusters != unit
        columns = rows.labels[kept], rows.weights[kept]
        values.append(auc(columns[0], rows.scores[kept], columns[1]) - auc(columns[0], others[kept], columns[1]))
    n = len(values)
    assert found == pytest.approx((n - 1) ** 2 / n * np.var(values, ddof=1), rel=0.03)


def test_effective_rows_of_few_clusters_by_hand() -> None:
    """Three patients of two rows: what weights make of the share, of its variance, and of the shrinking."""
    hits, weights = np.array([1, 0, 1, 1, 0, 0]), np.array([3.0, 1, 1, 2, 2, 1])
    share = (3 + 1 + 2) / 10
    moved = [3 * (1 - share) - share, 3 * (1 - share), -3 * share]
    variance = 3 / 2 * sum(own**2 for own in moved) / 10**2
    effect = max(1.0, variance / (share * (1 - share) / 5))
    # The hits lie in two patients with mean weights of 3 and 1.5, the misses in two of 1 and 1.5.
    seen, effective = min(4.5**2 / (9 + 2.25), 2.5**2 / (1 + 2.25)), 10**2 / (16 + 9 + 9)
    effect = (seen * effect + max(effect, 6 / effective)) / (seen + 1)
    few, many = student.ppf(0.975, [effective - 1, 5])
    found = effective_rows(hits, np.array([0, 0, 1, 1, 2, 2]), 0.95, weights)
    assert found == pytest.approx(6 / effect * (many / few) ** 2)


def test_weights_that_are_alike_within_a_class_leave_delongs_variance() -> None:
    rows = sample(60)
    weights = np.where(rows.labels == 1, 1.0, 9.0)
    found = auc_covariances([(rows.labels, rows.scores, np.arange(60))], [weights])[0, 0]
    assert found == pytest.approx(delong_parts(rows.labels, rows.scores).sum(), rel=1e-12)


@pytest.mark.parametrize("per_cluster", [1, 4])
def test_effective_trials_have_the_variance_of_a_weighted_share(per_cluster: int) -> None:
    rows = sample(2000, 2, per_cluster)
    hits = rows.labels
    trials = effective_trials(hits, rows, 0.95)[-1]
    share = float(np.average(hits, weights=rows.weights))
    # The quantiles of t hardly matter for so many.
    assert share * (1 - share) / trials == pytest.approx(jackknife(rows, "share", hits), rel=0.03)


def test_a_share_of_1_has_the_trials_that_weights_leave() -> None:
    rows = check_rows(np.ones(40), np.ones(40), np.zeros(40, int), ["a"], None, np.repeat([9.0, 1.0], 20))
    assert rows.weights is not None
    assert rows.clusters is not None
    kish = 200**2 / (20 * 81 + 20)
    assert effective_clusters(rows.clusters, rows.weights) == pytest.approx(kish)
    assert effective_cases(rows)[-1] == pytest.approx([kish, 0, kish])
    found = effective_trials(rows.labels, rows, 0.95)[-1]
    assert 0.85 * kish < found < kish


def test_an_auc_of_1_keeps_an_interval_of_what_weights_leave() -> None:
    labels = np.repeat([1, 0], 20)
    uneven, even = np.tile([19.0, *[1.0] * 19], 2), np.ones(40)
    wide, plain = (auc_interval(labels, labels * 1.0, np.arange(40), 0.95, own) for own in (uneven, even))
    assert wide.low < plain.low < 1 == wide.high
    assert wide.method == "Newcombe score"
    assert "weighted" in auc_interval(labels, labels * 0.5 + np.arange(40) % 3, np.arange(40), 0.95, uneven).method


def test_clusters_and_weights_together_are_worth_less_than_either() -> None:
    rows = sample(90, 3, 3)
    units, worth = rows.count(rows.labels >= 0)[-1], effective_cases(rows)[-1, 2]
    assert rows.weights is not None
    whole = rows.weights.reshape(30, 3).sum(axis=1)
    assert worth == pytest.approx(whole.sum() ** 2 / (whole**2).sum())
    assert worth < units == 30
