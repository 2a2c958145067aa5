from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp, norm

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.engine.resampled_rows import ALL
from hf_fairtune.audits.engine.resampling import plan
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.metrics.sensitivity_at_specificity import (
    FLIPPED,
    Side,
    clustered_draws,
    least_count,
    operating_point,
    operating_points,
    refitted_draws,
    resamples_for,
    side,
)
from hf_fairtune.document.audit import Criterion, OperatingPoints
from hf_fairtune.document.estimate import Reason

from ..resampled import resampled
from ..samples import NAMES, few, rows, shuffled, split, tied_splits

Split = tuple[np.ndarray, np.ndarray, np.ndarray]
SHARES = st.sampled_from([0.2, 0.5, 0.8, 0.9, 1.0])
SENSITIVITY: Criterion = "sensitivity at specificity"
Point = tuple[float, float, float]


def side_of(labels: np.ndarray, scores: np.ndarray, target: float, criterion: Criterion = SENSITIVITY) -> Side:
    return side(labels, scores, criterion, target, np.arange(len(labels)))


def sensitivity(labels: np.ndarray, scores: np.ndarray, target: float) -> Point:
    return operating_point(scores, side_of(labels, scores, target))


def specificity(labels: np.ndarray, scores: np.ndarray, target: float) -> Point:
    return operating_point(scores, side_of(labels, scores, target, FLIPPED), flipped=True)


def points(labels: np.ndarray, scores: np.ndarray) -> list[tuple[float, float, float]]:
    """Sensitivity, specificity and cut at every score, and above all."""
    cuts = [*np.unique(scores), np.nextafter(scores.max(), np.inf)]
    return [((scores[labels == 1] >= cut).mean(), (scores[labels == 0] < cut).mean(), cut) for cut in cuts]


@settings(max_examples=60)
@given(tied_splits(least=1), SHARES)
def test_they_are_the_best_achieved_points(drawn: Split, target: float) -> None:
    labels, scores, _ = drawn
    sensitive = max(point for point in points(labels, scores) if point[1] >= target)
    found = sensitivity(labels, scores, target)
    assert found[0] == sensitive[0]
    assert found in points(labels, scores)
    specific = max((point[1], point[0]) for point in points(labels, scores) if point[0] >= target)
    value, achieved, cut = specificity(labels, scores, target)
    assert value == specific[0]
    assert (achieved, value, cut) in points(labels, scores)


def test_a_negative_on_top_leaves_nobody_above_the_cut() -> None:
    value, achieved, cut = sensitivity(np.array([0, 1, 1]), np.array([0.9, 0.9, 0.1]), 1.0)
    assert (value, achieved) == (0, 1)
    assert 0.9 < cut < 0.9 + 1e-12


@pytest.mark.parametrize("metric", [sensitivity, specificity])
def test_a_missing_class_is_nan(metric: Callable[..., Point]) -> None:
    assert np.isnan(metric(np.zeros(3, dtype=int), np.arange(3.0), 0.9)).all()


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
        slow.append(sensitivity(np.repeat([1, 0], [25, 30]), drawn, target)[0])
    fast = refitted_draws(side_of(labels, scores, target), 6000, 0)
    assert set(np.round(fast * 25)) <= set(range(26))
    assert np.mean(fast) == pytest.approx(np.mean(slow), abs=0.02)
    assert np.std(fast) == pytest.approx(np.std(slow), rel=0.1)
    assert ks_2samp(fast, slow).statistic < 0.06


def test_clusters_are_a_plain_loop_over_the_same_weights() -> None:
    labels, scores, _ = split((25,), (30,), digits=1)
    clusters = np.arange(55) // 4
    resampling = plan(labels, clusters)
    sides = [side_of(labels, scores, target) for target in (0.5, 0.9, 1.0)]
    found = clustered_draws(resampling, sides, 60, 3)
    weights = np.concatenate([resampling.draw(part, 3) for part in resampling.parts(60)])
    for row, drawn in zip(found, weights, strict=True):
        rows = np.repeat(np.arange(55), drawn)
        for value, own in zip(row, sides, strict=True):
            wanted = sensitivity(labels[rows], scores[rows], own.target)[0]
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
        scores = np.concatenate([rng.normal(size=100), rng.normal(shift, 1, 30)])
        draws = refitted_draws(side_of(np.repeat([0, 1], [100, 30]), scores, 0.9), 400, seed)
        low, high = np.quantile(draws, [0.025, 0.975])
        inside += low <= truth <= high
    assert 180 <= inside <= 199


def test_every_group_has_its_own_achieved_point() -> None:
    given = resampled()
    found = operating_points(given)
    assert [(item.criterion, item.target) for item in found] == [(SENSITIVITY, 0.9), (FLIPPED, 0.9)]
    rows = given.rows
    for item, metric in zip(found, (sensitivity, specificity), strict=True):
        assert [item.overall.group, *(group.group for group in item.groups)] == ["overall", *NAMES]
        for code, group in enumerate((item.overall, *item.groups), start=ALL):
            inside = (rows.groups == code) | (code == ALL)
            wanted = metric(rows.labels[inside], rows.scores[inside], item.target)
            assert (group.value.value, group.achieved, group.threshold) == wanted
            assert group.achieved >= item.target
            assert group.value.low <= group.value.value <= group.value.high
            assert "optimistic" in group.value.method


@pytest.mark.parametrize("clustered", [False, True])
def test_the_order_of_rows_changes_nothing(clustered: bool) -> None:
    one = rows(np.arange(232) // 2 if clustered else None, digits=1)
    assert operating_points(resampled(one)) == operating_points(resampled(shuffled(one)))


def widths(found: list[OperatingPoints]) -> np.ndarray:
    return np.array([[own.value.high - own.value.low for own in (item.overall, *item.groups)] for item in found])


def test_copied_rows_need_clusters() -> None:
    labels, scores, groups = split((60, 50, 40), (90, 80, 70), digits=6)
    copies = [np.repeat(x, 4) for x in (labels, scores, groups)]
    ids = np.repeat(np.arange(len(labels)), 4)
    once, clustered, naive = (
        widths(operating_points(resampled(given, n_boot=600)))
        for given in (
            check_rows(labels, scores, groups, NAMES),
            check_rows(*copies, NAMES, ids),
            check_rows(*copies, NAMES),
        )
    )
    assert np.mean(clustered / once) == pytest.approx(1, abs=0.15)
    assert np.mean(naive / once) == pytest.approx(0.5, abs=0.15)


def test_no_interval_has_no_width() -> None:
    # One positive lies below the eleven highest of 200 negatives, where fewer than one cut in forty falls.
    labels = np.repeat([0, 1], [200, 60])
    scores = np.concatenate([np.arange(200.0), np.append(np.full(59, 300.0), 188.5)])
    draws = refitted_draws(side_of(labels, scores, 0.9), 2000, 0)
    assert 0 < np.mean(draws < 1) < 0.025
    found = audit(labels, scores, np.zeros_like(labels), ["a"], n_permutations=0).operating_points[0].overall.value
    assert (found.value, found.bounded, found.reasons) == (1.0, False, (Reason("same_in_resamples"),))


def test_too_few_cases_have_no_interval_and_a_reason() -> None:
    for item in operating_points(resampled(check_rows(*split((30, 7, 0)), NAMES))):
        solid, thin, hollow = item.groups
        assert np.isfinite([item.overall.value.low, solid.value.low, thin.value.value]).all()
        assert thin.value.reasons == (few("positives", 7),)
        assert np.isnan([thin.value.low, hollow.value.value, hollow.achieved, hollow.threshold]).all()
        assert hollow.value.reasons == (few("positives", 0),)
    for item in operating_points(resampled(n_boot=0)):
        assert {group.value.reasons for group in (item.overall, *item.groups)} == {(Reason("no_bootstrap"),)}
