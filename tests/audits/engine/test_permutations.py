from itertools import permutations

import numpy as np
import pytest
from scipy.stats import kstest
from sklearn.metrics import roc_auc_score

from hf_fairtune.audits.engine.permutations import gap_null

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
    assert gap_null(labels, scores, groups) == gap_null(labels[order], scores[order], groups[order])


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
