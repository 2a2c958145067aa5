import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from hf_fairtune.intervals.clustered_delong import LOGIT_OBUCHOWSKI, clustered_auc_interval, clustered_delong
from hf_fairtune.intervals.delong import auc_interval, delong_variance
from hf_fairtune.metrics.auc import auc

from ..metrics.samples import split, tied_splits


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
    value, variance = clustered_delong(labels, scores, clusters)
    assert value == pytest.approx(auc(labels, scores))
    if min(len(set(clusters[labels == label].tolist())) for label in (0, 1)) < 2:
        assert math.isnan(variance)
    else:
        assert variance == pytest.approx(obuchowski(labels, scores, clusters), abs=1e-14)


def test_single_rows_are_delongs() -> None:
    labels, scores, _ = split()
    singles = np.random.default_rng(0).permutation(len(labels))
    assert clustered_delong(labels, scores, singles)[1] == pytest.approx(delong_variance(labels, scores), rel=1e-12)
    found, expected = clustered_auc_interval(labels, scores, singles, 0.9), auc_interval(labels, scores, 0.9)
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))
    assert found.method == LOGIT_OBUCHOWSKI


def test_codes_may_have_holes() -> None:
    labels, scores, _ = split()
    clusters = np.arange(len(labels)) // 3
    found = clustered_delong(labels, scores, clusters * 5 + 2)
    assert found == pytest.approx(clustered_delong(labels, scores, clusters), rel=1e-12)


def test_without_variance_the_number_of_clusters_keeps_a_width() -> None:
    labels, scores = np.repeat([0, 1], 20), np.arange(40.0)
    found = clustered_auc_interval(labels, scores, np.arange(40) // 4)
    single = auc_interval(np.repeat([0, 1], 5), np.arange(10.0))
    assert (found.value, found.low, found.high) == (1, pytest.approx(single.low), 1)
    assert found.method == "Newcombe score by clusters"
    for label, reason in ((0, "no positives"), (1, "no negatives")):
        none = clustered_auc_interval(np.full(4, label), np.arange(4.0), np.arange(4))
        assert np.isnan([none.value, none.low, none.high]).all()
        assert none.reason == reason


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
        found, alone = clustered_auc_interval(labels, scores, clusters), auc_interval(labels, scores)
        inside, naive = inside + (found.low <= truth <= found.high), naive + (alone.low <= truth <= alone.high)
    assert 0.92 <= inside / runs <= 0.985
    assert mixed or naive / runs < 0.9
