import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import kstest

from hf_fairtune.audits.engine.proportions import wilson
from hf_fairtune.audits.engine.resampled_rows import ResampledRows
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from hf_fairtune.audits.metrics.expected_calibration_error import (
    SLICES,
    calibration_null,
    equal_mass_bins,
    expected_calibration_error,
    flipped_errors,
    redrawn_errors,
    reliability_curves,
)
from hf_fairtune.document.curves import ReliabilityCurve

from ..resampled import resampled
from ..samples import rows

Columns = tuple[np.ndarray, np.ndarray]


def slow(labels: np.ndarray, scores: np.ndarray, bins: int = 10) -> float:
    """Every row's middle place among equal scores, counted, and then bin after bin."""
    n = len(scores)
    places = [sum(s < own for s in scores) + sum(s == own for s in scores) / 2 for own in scores]
    numbers = np.array([int(2 * place) * bins // (2 * n) for place in places])
    found = 0.0
    for number in range(bins):
        inside = numbers == number
        if inside.any():
            found += inside.sum() / n * abs(labels[inside].mean() - scores[inside].mean())
    return found


def calibrated(n: int, rng: np.random.Generator) -> Columns:
    scores = expit(rng.normal(-0.5, 1.5, n))
    return (rng.random(n) < scores).astype(int), scores


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=1, max_size=40), st.randoms())
def test_it_is_the_loop_whatever_the_order_of_rows(drawn: list[tuple[int, int]], order: st.DataObject) -> None:
    labels, scores = np.array(drawn).T / np.array([[1], [8]])
    found = expected_calibration_error(labels, scores)
    assert found == pytest.approx(slow(labels, scores))
    order.shuffle(drawn)  # type: ignore[attr-defined]
    labels, scores = np.array(drawn).T / np.array([[1], [8]])
    assert expected_calibration_error(labels, scores) == pytest.approx(found)


def test_bins_hold_equally_many_rows_and_ties_stay_together() -> None:
    assert np.bincount(equal_mass_bins(np.linspace(0, 1, 95) ** 3)).tolist() == [9, 10, 9, 10, 9, 10, 9, 10, 9, 10]
    tied = equal_mass_bins(np.repeat([0.1, 0.4, 0.9], [50, 3, 50]))
    assert len(set(tied[:50])) == len(set(tied[50:53])) == len(set(tied[53:])) == 1
    assert equal_mass_bins(np.full(7, 0.2)).tolist() == [5] * 7
    assert math.isnan(expected_calibration_error(np.zeros(0), np.zeros(0)))


def test_a_calibrated_model_has_no_excess_at_50_rows_though_its_error_is_large() -> None:
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(400):
        labels, scores = calibrated(50, rng)
        pairs.append((expected_calibration_error(labels, scores), redrawn_errors(scores, rng, 200).mean()))
    observed, null = np.mean(pairs, axis=0)
    assert observed > 0.1
    assert abs(observed - null) < 0.007


@pytest.mark.parametrize("kind", ["redrawn", "flipped"])
def test_p_is_uniform_under_calibration(kind: str) -> None:
    rng, found = np.random.default_rng(1), []
    for _ in range(300):
        labels, scores = calibrated(300, rng)
        if kind == "redrawn":
            found.append(calibration_null(labels, scores, None, rng, 199)[2])
        else:  # two rows a cluster, and both of them have one label
            labels, scores = np.repeat(labels, 2), np.repeat(scores, 2)
            found.append(calibration_null(labels, scores, np.arange(600) // 2, rng, 199)[2])
    assert kstest(found, "uniform").pvalue > 0.01
    if kind == "flipped":
        assert redrawn_errors(scores, rng).mean() < flipped_errors(labels, scores, np.arange(600) // 2, rng).mean()


def test_a_wrong_model_is_found_out() -> None:
    rng = np.random.default_rng(2)
    labels, scores = calibrated(400, rng)
    for clusters in (None, np.arange(400) // 2):
        _, high, p = calibration_null(labels, scores**2, clusters, rng)
        assert p < 0.01
        assert expected_calibration_error(labels, scores**2) > 1.5 * high


def test_slices_of_many_rows_draw_what_rows_draw() -> None:
    """The null is the mean of sums of absolute values: of normal ones, in bins of thousands of rows."""
    rng = np.random.default_rng(3)
    labels, scores = calibrated(40 * SLICES, rng)
    found = redrawn_errors(scores, rng).mean()
    numbers = equal_mass_bins(scores)
    variances = np.bincount(numbers, weights=scores * (1 - scores))
    assert found == pytest.approx(np.sqrt(variances * 2 / np.pi).sum() / len(scores), rel=0.03)
    many = flipped_errors(labels, scores, np.arange(len(scores)), rng).mean()
    assert many == pytest.approx(found, rel=0.05)


def test_draws_are_counted_with_the_observed_among_them() -> None:
    labels, scores = calibrated(60, np.random.default_rng(4))
    mean, high, p = calibration_null(labels, scores, None, np.random.default_rng(0), 99)
    errors = redrawn_errors(scores, np.random.default_rng(0), 99)
    assert (mean, high) == (errors.mean(), np.quantile(errors, 0.95))
    assert p == (1 + (errors >= expected_calibration_error(labels, scores) - 1e-12).sum()) / 100
    assert calibration_null(np.array([0, 1]), np.array([0.0, 1.0]), None, np.random.default_rng(0)) == (0, 0, 1)
    assert np.isnan(calibration_null(*np.zeros((2, 0)), None, np.random.default_rng(0))).all()


def test_clusters_of_one_row_are_independent_rows() -> None:
    labels, scores = calibrated(60, np.random.default_rng(4))
    ids = np.random.default_rng(1).permutation(60)
    one, other = (calibration_null(labels, scores, own, np.random.default_rng(0)) for own in (None, ids))
    assert one == other


def curves(given: ScoredRows) -> list[ReliabilityCurve] | None:
    return reliability_curves(resampled(given, n_boot=0))


def test_reliability_is_the_calibration_errors_bins() -> None:
    given = rows(digits=4)
    curves = reliability_curves(ResampledRows(given, (0, 1, 2), None, 0.9))
    assert curves is not None
    for code, curve in enumerate(curves):
        labels, scores = given.labels[given.groups == code], given.scores[given.groups == code]
        bins = curve.bins
        assert len(bins) == 10
        assert sum(item.n for item in bins) == len(labels)
        error = sum(item.n * abs(item.observed - item.mean_score) for item in bins) / len(labels)
        assert error == pytest.approx(expected_calibration_error(labels, scores))
        for item in bins:
            expected = wilson(round(item.observed * item.n), item.n, 0.9)
            assert (item.low, item.high) == pytest.approx(expected[1:])


def test_bins_of_clusters_count_clusters() -> None:
    single, twice = rows(digits=6), rows(digits=6)
    doubled = check_rows(
        *(np.repeat(column, 2) for column in (twice.labels, twice.scores, twice.groups)),
        twice.group_names,
        np.arange(2 * len(twice.labels)) // 2,
    )
    one, other = curves(single), curves(doubled)
    assert one is not None
    assert other is not None
    for first, second in zip(one[0].bins, other[0].bins, strict=True):
        assert second.n == 2 * first.n
        assert (second.low, second.high) == pytest.approx((first.low, first.high))


def test_no_probabilities_no_reliability_and_an_empty_group_no_bins() -> None:
    assert curves(check_rows([0, 1], [0.2, 1.5], [0, 0], ["a"])) is None
    found = curves(check_rows([0, 1], [0.0, 1.0], [0, 0], ["a", "b"]))
    assert found is not None
    assert [(item.group, len(item.bins)) for item in found] == [("a", 2), ("b", 0)]
