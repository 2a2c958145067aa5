import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp, norm

from hf_fairtune.intervals.own_cut import Side, clustered_draws, least_count, own_cut_draws, resamples_for
from hf_fairtune.intervals.resampling import plan
from hf_fairtune.metrics.sensitivity_at_specificity import sensitivity_at_specificity

from ..metrics.samples import split


@given(st.integers(1, 500), st.integers(1, 100))
def test_least_counts_are_exact(trials: int, percent: int) -> None:
    wanted = min(k for k in range(trials + 1) if k / trials >= percent / 100)
    assert least_count(np.array(trials), percent / 100) == wanted


@pytest.mark.parametrize("target", [0.5, 0.9, 1.0])
def test_draws_are_those_of_a_bootstrap_written_out(target: float) -> None:
    """The same distribution as drawing rows of each class, choosing the cut and counting, with ties."""
    labels, scores, _ = split((25,), (30,), digits=1)
    positive, negative = scores[labels == 1], scores[labels == 0]
    rng, slow = np.random.default_rng(0), []
    for _ in range(1500):
        drawn = np.concatenate([rng.choice(positive, 25), rng.choice(negative, 30)])
        slow.append(sensitivity_at_specificity(np.repeat([1, 0], [25, 30]), drawn, target).value)
    fast = own_cut_draws(negative, positive, target, 6000, 0)
    assert set(np.round(fast * 25)) <= set(range(26))
    assert np.mean(fast) == pytest.approx(np.mean(slow), abs=0.02)
    assert np.std(fast) == pytest.approx(np.std(slow), rel=0.1)
    assert ks_2samp(fast, slow).statistic < 0.06


def test_clusters_are_a_plain_loop_over_the_same_weights() -> None:
    labels, scores, _ = split((25,), (30,), digits=1)
    clusters = np.arange(55) // 4
    resampling = plan(labels, clusters)
    ordered = np.argsort(scores, kind="stable")
    negatives, positives = ordered[labels[ordered] == 0], ordered[labels[ordered] == 1]
    below = np.searchsorted(scores[positives], scores[negatives], "right")
    sides = [Side(negatives, positives, below, target) for target in (0.5, 0.9, 1.0)]
    found = clustered_draws(resampling, sides, 60, 3)
    weights = np.concatenate([resampling.draw(part, 3) for part in resampling.parts(60)])
    for row, drawn in zip(found, weights, strict=True):
        rows = np.repeat(np.arange(55), drawn)
        for value, side in zip(row, sides, strict=True):
            wanted = sensitivity_at_specificity(labels[rows], scores[rows], side.target).value
            assert value == pytest.approx(wanted, nan_ok=True)


def test_fewer_resamples_of_very_many_rows() -> None:
    assert resamples_for(10_000, 2000) == 2000
    assert resamples_for(10**6, 2000) == 200
    assert resamples_for(10**6, 50) == 50


def test_coverage_with_the_cut_chosen_on_the_same_rows() -> None:
    """30 positives and 100 negatives, AUC 0.85: 95 % intervals of the true sensitivity at 90 % specificity."""
    rng, shift, inside = np.random.default_rng(0), 1.466, 0
    truth = norm.sf(norm.ppf(0.9) - shift)
    for seed in range(200):
        draws = own_cut_draws(rng.normal(size=100), rng.normal(shift, 1, 30), 0.9, 400, seed)
        low, high = np.quantile(draws, [0.025, 0.975])
        inside += low <= truth <= high
    assert 180 <= inside <= 199
