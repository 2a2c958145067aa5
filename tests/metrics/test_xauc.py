import math

import numpy as np
import pytest
from hypothesis import given

from hf_fairtune.metrics.auc import auc
from hf_fairtune.metrics.xauc import bnsp, bpsn, xauc

from .samples import slow_auc, tied_splits


def slow_xauc(labels: np.ndarray, scores: np.ndarray, positives_of: np.ndarray, negatives_of: np.ndarray) -> float:
    kept = np.array([bool(a if y else b) for y, a, b in zip(labels, positives_of, negatives_of, strict=True)])
    return slow_auc(labels[kept], scores[kept])


@given(tied_splits())
def test_they_count_pairs_across_groups(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, scores, groups = drawn
    for first in range(3):
        inside = groups == first
        found = [bpsn(labels, scores, inside), bnsp(labels, scores, inside)]
        slow = [slow_xauc(labels, scores, ~inside, inside), slow_xauc(labels, scores, inside, ~inside)]
        assert found == pytest.approx(slow, nan_ok=True)
        for second in range(3):
            expected = slow_xauc(labels, scores, groups == first, groups == second)
            assert xauc(labels, scores, groups, first, second) == pytest.approx(expected, nan_ok=True)


def test_auc_within_a_group_is_its_own_xauc_and_one_class_has_none() -> None:
    labels, scores = np.array([0, 1, 0, 1, 1]), np.array([0.1, 0.3, 0.5, 0.5, 0.2])
    groups = np.zeros(5, dtype=int)
    assert xauc(labels, scores, groups, 0, 0) == auc(labels, scores)
    assert math.isnan(xauc(labels, scores, groups, 0, 1))
    assert math.isnan(bpsn(labels, scores, groups == 0))


def test_it_shows_what_auc_within_groups_hides() -> None:
    """Both groups are ranked without a fault, and yet all negatives of one outrank all positives of the other."""
    labels, groups = np.tile(np.repeat([0, 1], 5), 2), np.repeat([0, 1], 10)
    scores = np.concatenate([np.linspace(0.1, 0.3, 10), np.linspace(0.6, 0.9, 10)])
    assert auc(labels[groups == 0], scores[groups == 0]) == auc(labels[groups == 1], scores[groups == 1]) == 1
    assert bpsn(labels, scores, groups == 1) == bnsp(labels, scores, groups == 0) == 0
    assert bnsp(labels, scores, groups == 1) == bpsn(labels, scores, groups == 0) == 1
