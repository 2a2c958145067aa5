from itertools import permutations

import numpy as np
import pytest
from scipy.stats import kstest
from sklearn.metrics import roc_auc_score

from hf_fairtune.audits.engine.permutations import Stratum, _permuted, clustered_strata, gap_null
from hf_fairtune.document.estimate import Reason

from ..samples import group_aucs, split


def slow_gap(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray) -> float:
    """The gap by scikit-learn, group by group."""
    return float(np.ptp([roc_auc_score(labels[groups == g], scores[groups == g]) for g in np.unique(groups)]))


def small() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four positives and five negatives in two groups, with ties across and within classes."""
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0])
    scores = np.array([0.9, 0.4, 0.4, 0.7, 0.4, 0.1, 0.7, 0.2, 0.2])
    return labels, scores, np.array([0, 0, 1, 1, 0, 0, 1, 1, 1])


def every_gap() -> np.ndarray:
    """Gaps of all ways to deal the groups within label."""
    labels, scores, groups = small()
    high, low = set(permutations(groups[:4])), set(permutations(groups[4:]))
    return np.array([slow_gap(labels, scores, np.array(p + n)) for p in high for n in low])


def test_the_null_is_that_of_all_permutations() -> None:
    labels, scores, groups = small()
    gaps, found = every_gap(), gap_null(*small(), permutations=20000)
    assert found.mean == pytest.approx(gaps.mean(), abs=4 * gaps.std() / 20000**0.5)
    assert found.p == pytest.approx((gaps >= slow_gap(labels, scores, groups) - 1e-12).mean(), abs=0.015)
    assert found.high == pytest.approx(np.quantile(gaps, 0.95), abs=0.05)
    assert found.permutations == 20000


def test_equal_groups_have_a_positive_gap() -> None:
    labels, scores, groups = split(digits=6)
    found = gap_null(labels, scores, groups, seed=1)
    assert 0.03 < found.mean < found.high < 0.25
    assert found == gap_null(labels, scores, groups, seed=1)


def test_the_band_is_that_of_freely_drawn_groups() -> None:
    labels, scores, groups = split()
    rng = np.random.default_rng(2)
    gaps = []
    for _ in range(400):
        shuffled = groups.copy()
        for label in (0, 1):
            shuffled[labels == label] = rng.permutation(groups[labels == label])
        gaps.append(np.ptp(group_aucs(labels, scores, shuffled, 3)))
    found = gap_null(labels, scores, groups)
    assert abs(found.mean - np.mean(gaps)) < 0.01
    assert abs(found.p - np.mean(gaps >= np.ptp(group_aucs(labels, scores, groups, 3)))) < 0.06


def test_more_groups_make_a_larger_gap() -> None:
    labels, scores, groups = split((60, 60), (90, 90), digits=6)
    many = groups * 3 + np.arange(len(groups)) % 3
    assert gap_null(labels, scores, many).mean > 1.5 * gap_null(labels, scores, groups).mean


@pytest.mark.parametrize("digits", [2, 6])
def test_rows_may_come_in_any_order(digits: int) -> None:
    labels, scores, groups = split(digits=digits)
    order = np.random.default_rng(0).permutation(len(labels))
    clusters = np.arange(len(labels)) // 2
    assert gap_null(labels, scores, groups) == gap_null(labels[order], scores[order], groups[order])
    found = gap_null(labels[order], scores[order], groups[order], clusters[order])
    assert found == gap_null(labels, scores, groups, clusters)


def test_p_is_uniform_where_groups_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    labels, groups = np.repeat([1, 0], [40, 80]), np.arange(120) % 3
    found = [gap_null(labels, rng.normal(labels), groups, permutations=199, seed=i).p for i in range(300)]
    assert kstest(found, "uniform").pvalue > 0.05


def test_p_is_small_where_a_group_is_worse() -> None:
    rng = np.random.default_rng(1)
    labels, groups = np.repeat([1, 0], [80, 160]), np.arange(240) % 2
    found = gap_null(labels, rng.normal(labels * (2.5 - 2 * groups)), groups)
    assert found.p == 1 / 1001


def clustered(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Labels, scores, groups and clusters of patients with one to three rows, alike within a patient."""
    sizes = rng.integers(1, 4, 120)
    clusters = np.repeat(np.arange(120), sizes)
    sick, effect = rng.random(120) < 0.4, rng.normal(0, 1, 120)
    labels = (sick[clusters] & (rng.random(len(clusters)) < 0.8)).astype(int)
    scores = rng.normal(labels + effect[clusters], 0.3)
    return labels, scores, (rng.random(120) < 0.4).astype(int)[clusters], clusters


def test_p_is_uniform_with_clusters_and_not_without() -> None:
    rng = np.random.default_rng(3)
    found = []
    for seed in range(250):
        labels, scores, groups, clusters = clustered(rng)
        own = gap_null(labels, scores, groups, clusters, permutations=199, seed=seed).p
        found.append((own, gap_null(labels, scores, groups, permutations=199, seed=seed).p))
    ours, naive = np.array(found).T
    assert kstest(ours, "uniform").pvalue > 0.05
    assert kstest(naive, "uniform").pvalue < 0.001


def test_without_two_clusters_alike_there_is_no_null() -> None:
    labels, clusters = np.array([1, 0, 1, 0, 0]), np.array([0, 0, 1, 1, 1])
    found = gap_null(labels, np.arange(5.0), clusters, clusters)
    assert np.isnan([found.mean, found.high, found.p]).all()
    assert found.reasons == (Reason("few_movable", count=0, needed=5),)
    assert found.permutations == 0


LABELS = np.array([0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0, 0])
CLUSTERS = np.array([0, 0, 0, 1, 2, 1, 1, 3, 2, 2, 4, 5])
GROUPS = np.array([0, 0, 0, 1, 2, 1, 1, 0, 2, 3, 1, 2])


def dealt(clusters: np.ndarray, times: int = 2000) -> np.ndarray:
    """Groups by permutation and row, [times, n]."""
    fixed = GROUPS[LABELS == 0], GROUPS[LABELS == 1]
    found = np.empty((times, len(LABELS)), dtype=int)
    for label, codes in enumerate(_permuted(fixed, strata(GROUPS, clusters), np.random.default_rng(0), times)):
        found[:, label == LABELS] = codes
    return found


def strata(groups: np.ndarray, clusters: np.ndarray) -> list[Stratum]:
    """Clusters that may trade their groups."""
    return [one for one in clustered_strata(LABELS, groups, clusters) if one.movable]


def movable(groups: np.ndarray, clusters: np.ndarray) -> int:
    """Rows that may change their group."""
    return sum(one.movable for one in strata(groups, clusters))


def test_rows_trade_within_their_label() -> None:
    alone = np.arange(len(LABELS))
    for row in dealt(alone, 50):
        for label in (0, 1):
            assert sorted(row[label == LABELS]) == sorted(GROUPS[label == LABELS])
    assert len(np.unique(dealt(alone), axis=0)) > 500


def test_clusters_trade_with_those_of_the_same_composition() -> None:
    """Clusters 0 to 2 have one negative and two positives, 3 to 5 one negative: 3! ways each, and 2 within one."""
    found = dealt(CLUSTERS)
    ways = {(0, 0, 0), (1, 1, 1), (2, 2, 3), (2, 3, 2)}
    for row in found[:100]:
        assert {tuple(row[c == CLUSTERS]) for c in (0, 1, 2)} <= ways
        assert sorted(row[CLUSTERS >= 3]) == [0, 1, 2]
    seen, counts = np.unique(found, axis=0, return_counts=True)
    assert len(seen) == 6 * 6 * 2
    assert counts.min() > 2000 / 72 / 3


def test_a_cluster_of_its_own_kind_keeps_its_groups() -> None:
    joined = np.where(CLUSTERS == 5, 4, CLUSTERS)
    assert movable(GROUPS, joined) == 11
    assert movable(np.where(joined == 4, 1, GROUPS), joined) == 9
    assert movable(np.zeros_like(GROUPS), CLUSTERS) == 0
