import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student

from hf_fairtune.audits.engine.delong import (
    LOGIT_DELONG,
    LOGIT_OBUCHOWSKI,
    NEWCOMBE,
    auc,
    auc_interval,
    auc_variance,
    mover_difference,
    newcombe_interval,
)
from hf_fairtune.document.estimate import Estimate, Unit

from ..samples import few, split, tied_splits


def slow_delong(labels: np.ndarray, scores: np.ndarray) -> float:
    """DeLong's structural components by a double loop."""
    high, low = scores[labels == 1], scores[labels == 0]
    wins = np.array([[(p > q) + (p == q) / 2 for q in low] for p in high])
    v10, v01 = wins.mean(axis=1), wins.mean(axis=0)
    s10 = sum((v - wins.mean()) ** 2 for v in v10) / (len(high) - 1)
    s01 = sum((v - wins.mean()) ** 2 for v in v01) / (len(low) - 1)
    return s10 / len(high) + s01 / len(low)


@settings(max_examples=60)
@given(tied_splits(least=1))
def test_variance_is_delongs_double_loop(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, scores, _ = drawn
    assert auc_variance(labels, scores) == pytest.approx(slow_delong(labels, scores), abs=1e-14)


def test_interval_is_symmetric_on_the_logit_scale() -> None:
    labels, scores, _ = split()
    found = auc_interval(labels, scores, confidence=0.9)
    logits = [math.log(x / (1 - x)) for x in (found.low, found.value, found.high)]
    expected = norm.ppf(0.95) * math.sqrt(slow_delong(labels, scores)) / (found.value * (1 - found.value))
    assert logits[1] - logits[0] == pytest.approx(expected)
    assert logits[2] - logits[1] == pytest.approx(expected)
    assert (found.method, found.reasons) == (LOGIT_DELONG, ())


@pytest.mark.parametrize(
    ("labels", "scores", "value"),
    [
        ([0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6], 1.0),
        ([1, 1, 1, 0, 0, 0], [1, 2, 3, 4, 5, 6], 0.0),
        ([0, 1, 0, 1, 0, 1, 1], [0.1] * 7, 0.5),
        ([0, 0, 1], [1, 3, 2], 0.5),
    ],
)
def test_without_variance_newcombe_keeps_a_width(labels: list[int], scores: list[float], value: float) -> None:
    found = auc_interval(np.array(labels), np.array(scores, dtype=float))
    assert found.value == value
    assert found.method == NEWCOMBE
    assert 0 <= found.low <= value <= found.high <= 1
    assert found.high - found.low > 0.3


def test_newcombe_bounds_solve_the_score_equation() -> None:
    """Both ends sit z standard errors of Hanley & McNeil (mean class size) from the value."""
    value, m, n = 0.8, 12, 30
    for t in newcombe_interval(value, m, n):
        mean = (m + n) / 2 - 1
        q1, q2 = t / (2 - t), 2 * t * t / (1 + t)
        variance = (t * (1 - t) + mean * (q1 - t * t) + mean * (q2 - t * t)) / (m * n)
        assert abs(value - t) == pytest.approx(norm.ppf(0.975) * math.sqrt(variance), rel=1e-6)
    assert newcombe_interval(1.0, m, n)[0] == pytest.approx(1 - newcombe_interval(0.0, m, n)[1])


@pytest.mark.parametrize(("label", "unit"), [(0, "positives"), (1, "negatives")])
def test_one_class_has_no_auc_but_a_reason(label: int, unit: Unit) -> None:
    assert np.isnan(auc(np.full(4, label), np.arange(4.0)))
    for clusters in (None, np.arange(5)):
        found = auc_interval(np.full(5, label), np.arange(5.0), clusters)
        assert np.isnan([found.value, found.low, found.high]).all()
        assert found.reasons == (few(unit, 0, 1),)
    assert auc_interval(np.zeros(0), np.zeros(0)).reasons == (few("rows", 0, 1),)


def test_difference_is_mover() -> None:
    first, second = Estimate(0.9, 0.8, 0.95, LOGIT_DELONG), Estimate(0.7, 0.6, 0.85, NEWCOMBE)
    found = mover_difference(first, second)
    assert found.value == pytest.approx(0.2)
    assert found.low == pytest.approx(0.2 - math.hypot(0.1, 0.15))
    assert found.high == pytest.approx(0.2 + math.hypot(0.05, 0.1))
    assert LOGIT_DELONG in found.method
    assert NEWCOMBE in found.method


def test_a_difference_of_numbers_that_go_together_is_narrower() -> None:
    """Of symmetric intervals it is that of the variance of a difference, V1 + V2 - 2 C."""
    first, second = Estimate(0.8, 0.6, 1.0, LOGIT_DELONG), Estimate(0.7, 0.6, 0.8, LOGIT_DELONG)
    for r in (-0.5, 0.0, 0.9):
        found = mover_difference(first, second, r)
        half = math.sqrt(0.2**2 + 0.1**2 - 2 * r * 0.2 * 0.1)
        assert (found.low, found.high) == pytest.approx((0.1 - half, 0.1 + half))
    none = mover_difference(first, Estimate(0.7, math.nan, math.nan, LOGIT_DELONG), 0.5)
    assert math.isnan(none.low)
    assert math.isnan(none.high)


def test_coverage_of_auc_and_difference() -> None:
    rng = np.random.default_rng(0)
    truth, runs = norm.cdf(1.2 / math.sqrt(2)), 200
    labels = np.repeat([1, 0], [25, 80])
    inside = np.zeros(2)
    for _ in range(runs):
        a, b = (auc_interval(labels, rng.normal(1.2 * labels)) for _ in range(2))
        difference = mover_difference(a, b)
        inside += [a.low <= truth <= a.high, difference.low <= 0 <= difference.high]
    assert (inside / runs > 0.9).all()
    assert auc(labels, labels.astype(float)) == 1


def obuchowski(labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray) -> float:
    """The formulas as they are printed, by loops over pairs and clusters."""
    high, low = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    win = {(i, j): (scores[i] > scores[j]) + (scores[i] == scores[j]) / 2 for i in high for j in low}
    area = sum(win.values()) / len(win)
    x = {i: sum(win[i, j] for j in low) / len(low) for i in high}
    y = {j: sum(win[i, j] for i in high) / len(high) for j in low}
    s10 = s01 = s11 = 0.0
    for own in set(clusters.tolist()):
        a = sum(x[i] - area for i in high if clusters[i] == own)
        b = sum(y[j] - area for j in low if clusters[j] == own)
        s10, s01, s11 = s10 + a * a, s01 + b * b, s11 + a * b
    i10, i01, i = len(set(clusters[high].tolist())), len(set(clusters[low].tolist())), len(set(clusters.tolist()))
    s10, s01, s11 = s10 * i10 / (i10 - 1) / len(high), s01 * i01 / (i01 - 1) / len(low), s11 * i / (i - 1)
    return s10 / len(high) + s01 / len(low) + 2 * s11 / (len(high) * len(low))


@given(tied_splits(least=1), st.integers(0, 10**6))
def test_variance_is_obuchowskis_as_printed(drawn: tuple[np.ndarray, ...], seed: int) -> None:
    labels, scores, _ = drawn
    clusters = np.random.default_rng(seed).integers(9, size=len(labels))
    variance = auc_variance(labels, scores, clusters)
    if min(len(set(clusters[labels == label].tolist())) for label in (0, 1)) < 2:
        assert math.isnan(variance)
    else:
        assert variance == pytest.approx(obuchowski(labels, scores, clusters), abs=1e-14)


def test_single_rows_are_delongs() -> None:
    labels, scores, _ = split()
    singles = np.random.default_rng(0).permutation(len(labels))
    assert auc_variance(labels, scores, singles) == pytest.approx(auc_variance(labels, scores), rel=1e-12)
    assert auc_interval(labels, scores, singles, 0.9) == auc_interval(labels, scores, None, 0.9)


def test_few_unequal_clusters_have_a_wider_quantile() -> None:
    """Twenty clusters of positives tell as much as seven of equal size, if one holds a third of the rows."""
    sizes = np.array([10] + [1] * 19 + [2] * 60)
    clusters, rng = np.repeat(np.arange(80), sizes), np.random.default_rng(0)
    labels = (clusters < 20).astype(int)
    scores = rng.normal(labels)
    found = auc_interval(labels, scores, clusters)
    effective = 29**2 / (10**2 + 19)
    half = student.ppf(0.975, effective - 1) * math.sqrt(obuchowski(labels, scores, clusters))
    logits = [math.log(x / (1 - x)) for x in (found.low, found.value, found.high)]
    assert np.diff(logits) == pytest.approx([half / (found.value * (1 - found.value))] * 2)
    assert found.method == LOGIT_OBUCHOWSKI


def test_codes_may_have_holes() -> None:
    labels, scores, _ = split()
    clusters = np.arange(len(labels)) // 3
    found = auc_variance(labels, scores, clusters * 5 + 2)
    assert found == pytest.approx(auc_variance(labels, scores, clusters), rel=1e-12)


def test_without_variance_the_number_of_clusters_keeps_a_width() -> None:
    labels, scores = np.repeat([0, 1], 20), np.arange(40.0)
    found = auc_interval(labels, scores, np.arange(40) // 4)
    single = auc_interval(np.repeat([0, 1], 5), np.arange(10.0))
    assert (found.value, found.low, found.high) == (1, pytest.approx(single.low), 1)
    assert found.method == "Newcombe score by clusters"


@pytest.mark.parametrize("mixed", [True, False])
def test_coverage_with_clusters(mixed: bool) -> None:
    """Three rows a patient that share a shift of the score, their labels mixed or all alike."""
    rng, runs = np.random.default_rng(3), 300
    clusters = np.repeat(np.arange(80), 3)
    truth = float(norm.cdf(1.2 / math.sqrt(2 * (1 + 1))))
    inside = naive = 0
    for _ in range(runs):
        labels = rng.random(240) < 0.3 if mixed else np.repeat(rng.random(80) < 0.3, 3)
        scores = 1.2 * labels + rng.normal(size=80)[clusters] + rng.normal(size=240)
        found, alone = auc_interval(labels, scores, clusters), auc_interval(labels, scores)
        inside, naive = inside + (found.low <= truth <= found.high), naive + (alone.low <= truth <= alone.high)
    assert 0.92 <= inside / runs <= 0.985
    assert mixed or naive / runs < 0.9
