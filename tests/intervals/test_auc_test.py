import math

import numpy as np
import pytest
from scipy.stats import kstest
from scipy.stats import t as student

from hf_fairtune.intervals.auc_test import (
    INVERTED,
    LOGIT_T,
    Test,
    auc_difference_test,
    clustered_difference_test,
)
from hf_fairtune.intervals.delong import auc_difference, auc_interval

from ..metrics.samples import slow_auc, split

Sample = tuple[np.ndarray, np.ndarray]


def pair(seed: int = 0) -> tuple[Sample, Sample]:
    """Labels and scores of two groups."""
    labels, scores, groups = split((14, 40), (35, 90), seed)
    inside = [groups == g for g in (0, 1)]
    return (labels[inside[0]], labels[inside[1]]), (scores[inside[0]], scores[inside[1]])


def slow_p(labels: Sample, scores: Sample) -> float:
    """The t test from DeLong's components by a double loop."""
    total, below, logits = 0.0, 0.0, []
    for own, values in zip(labels, scores, strict=True):
        high, low = values[own == 1], values[own == 0]
        wins = np.array([[(p > q) + (p == q) / 2 for q in low] for p in high])
        value = slow_auc(own, values)
        logits.append(math.log(value / (1 - value)))
        for axis in (1, 0):
            placed = wins.mean(axis=axis)
            part = placed.var(ddof=1) / len(placed) / (value * (1 - value)) ** 2
            total, below = total + part, below + part**2 / (len(placed) - 1)
    return float(2 * student.sf(abs(logits[0] - logits[1]) / math.sqrt(total), total**2 / below))


@pytest.mark.parametrize("seed", range(4))
def test_p_is_that_of_the_slow_form(seed: int) -> None:
    found = auc_difference_test(*pair(seed))
    assert found.p == pytest.approx(slow_p(*pair(seed)), rel=1e-9)
    assert found.method == LOGIT_T


def test_p_is_uniform_where_the_aucs_are_equal() -> None:
    rng = np.random.default_rng(0)
    labels = (np.repeat([1, 0], [25, 100]), np.repeat([1, 0], [40, 200]))
    found = []
    for _ in range(600):
        scores = tuple(rng.normal(1.5 * own + shift) for own, shift in zip(labels, (0, 1), strict=True))
        found.append(auc_difference_test(labels, scores).p)
    assert kstest(found, "uniform").pvalue > 0.05


def test_a_perfect_group_has_the_p_of_its_interval() -> None:
    labels = (np.repeat([1, 0], [15, 40]), np.repeat([1, 0], [40, 80]))
    scores = (labels[0].astype(float), np.random.default_rng(0).normal(1.2 * labels[1]))
    found = auc_difference_test(labels, scores)
    assert found.method == INVERTED
    parts = [auc_interval(own, values, 1 - found.p) for own, values in zip(labels, scores, strict=True)]
    assert auc_difference(*parts).low == pytest.approx(0, abs=1e-6)
    assert auc_difference_test((labels[0],) * 2, (scores[0],) * 2) == Test(1.0, INVERTED)


def test_clusters_of_single_rows_give_about_the_same_p() -> None:
    """With the bootstrap of independent rows the error is DeLong's, up to its noise."""
    labels, scores = pair(1)
    rng, draws, values = np.random.default_rng(0), [], []
    for own, own_scores in zip(labels, scores, strict=True):
        high, low = own_scores[own == 1], own_scores[own == 0]
        wins = (high[:, None] > low) + (high[:, None] == low) / 2
        picks = [(rng.integers(0, len(high), len(high)), rng.integers(0, len(low), len(low))) for _ in range(1500)]
        draws.append(np.array([wins[np.ix_(*pick)].mean() for pick in picks]))
        values.append(wins.mean())
    found = clustered_difference_test((values[0], values[1]), (draws[0], draws[1]), 14)
    assert found.p == pytest.approx(slow_p(labels, scores), abs=0.05)


def test_where_resampling_is_blind_there_is_no_p() -> None:
    flat = np.full(5, 0.8)
    assert math.isnan(clustered_difference_test((1.0, 0.8), (flat, flat), 12).p)
    assert math.isnan(clustered_difference_test((0.8, 0.8), (flat, flat), 12).p)
