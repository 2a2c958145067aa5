import numpy as np

from hf_fairtune.intervals.gap_null import gap_null
from hf_fairtune.metrics.auc import group_aucs

from ..metrics.samples import split


def test_equal_groups_have_a_positive_gap() -> None:
    labels, scores, groups = split(digits=6)
    found = gap_null(labels, scores, groups, seed=1)
    assert 0.03 < found.mean < found.high < 0.25
    assert found == gap_null(labels, scores, groups, seed=1)


def test_the_band_is_that_of_freely_drawn_groups() -> None:
    labels, scores, groups = split(digits=6)
    rng = np.random.default_rng(2)
    gaps = []
    for _ in range(200):
        shuffled = groups.copy()
        for label in (0, 1):
            shuffled[labels == label] = rng.permutation(groups[labels == label])
        gaps.append(np.ptp(group_aucs(labels, scores, shuffled, 3)))
    found = gap_null(labels, scores, groups)
    assert abs(found.mean - np.mean(gaps)) < 0.01


def test_more_groups_make_a_larger_gap() -> None:
    labels, scores, groups = split((60, 60), (90, 90), digits=6)
    many = groups * 3 + np.arange(len(groups)) % 3
    assert gap_null(labels, scores, many).mean > 1.5 * gap_null(labels, scores, groups).mean


def test_rows_may_come_in_any_order() -> None:
    labels, scores, groups = split()
    order = np.random.default_rng(0).permutation(len(labels))
    assert gap_null(labels, scores, groups) == gap_null(labels[order], scores[order], groups[order])
