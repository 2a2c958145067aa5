"""Two models on the same rows: DeLong's test against slow formulas."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import kstest, norm

from hf_fairtune.audits.engine.delong import (
    paired_delong,
)

from ..samples import slow_auc, tied_splits


def slow_paired(labels: np.ndarray, models: list[np.ndarray]) -> tuple[float, float]:
    """Difference and variance from the 2 x 2 covariances of DeLong's components, by loops."""
    v10, v01 = [], []
    for scores in models:
        high, low = scores[labels == 1], scores[labels == 0]
        wins = np.array([[(p > q) + (p == q) / 2 for q in low] for p in high])
        v10.append(wins.mean(axis=1))
        v01.append(wins.mean(axis=0))
    s = np.cov(v10) / len(v10[0]) + np.cov(v01) / len(v01[0])
    difference = slow_auc(labels, models[0]) - slow_auc(labels, models[1])
    return difference, s[0, 0] + s[1, 1] - 2 * s[0, 1]


@settings(max_examples=60)
@given(tied_splits(least=2))
def test_difference_and_variance_are_delongs(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, scores, groups = drawn
    models = [scores, scores + groups / 4]
    difference, variance = slow_paired(labels, models)
    found = paired_delong(labels, *models)
    assert found[:2] == pytest.approx((difference, variance), abs=1e-12)
    if variance > 1e-9:
        assert found[2] == pytest.approx(2 * norm.sf(abs(difference) / math.sqrt(variance)), abs=1e-9)


def test_paired_p_is_uniform_between_equal_models() -> None:
    rng, labels = np.random.default_rng(0), np.repeat([1, 0], [60, 150])
    found = []
    for _ in range(400):
        shared = rng.normal(labels)
        found.append(paired_delong(labels, *(shared + rng.normal(0, 0.6, (2, 210))))[2])
    assert kstest(found, "uniform").pvalue > 0.05


def test_the_same_order_has_p_1_and_a_still_difference_none() -> None:
    labels, scores = np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.5, 0.1])
    assert paired_delong(labels, scores, 3 * scores)[2] == 1
    flat = paired_delong(labels, labels.astype(float), -labels.astype(float))
    assert flat[:2] == (1, 0)
    assert math.isnan(flat[2])


def test_what_is_undefined_stays_undefined() -> None:
    scores = np.arange(3.0)
    assert np.isnan(paired_delong(np.ones(3), scores, scores)).all()
    single = paired_delong(np.array([1, 0, 0]), scores, -scores)
    assert single[0] == -1
    assert math.isnan(single[2])
