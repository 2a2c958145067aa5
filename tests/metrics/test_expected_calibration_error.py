import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import kstest

from hf_fairtune.metrics.expected_calibration_error import (
    SLICES,
    compared,
    equal_mass_bins,
    expected_calibration_error,
    flipped_null,
    redrawn_null,
)

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
        pairs.append((expected_calibration_error(labels, scores), redrawn_null(labels, scores, rng, 200).mean))
    observed, null = np.mean(pairs, axis=0)
    assert observed > 0.1
    assert abs(observed - null) < 0.007


@pytest.mark.parametrize("kind", ["redrawn", "flipped"])
def test_p_is_uniform_under_calibration(kind: str) -> None:
    rng, found = np.random.default_rng(1), []
    for _ in range(300):
        labels, scores = calibrated(300, rng)
        if kind == "redrawn":
            found.append(redrawn_null(labels, scores, rng, 199).p)
        else:  # two rows a cluster, and both of them have one label
            labels, scores = np.repeat(labels, 2), np.repeat(scores, 2)
            found.append(flipped_null(labels, scores, np.arange(600) // 2, rng, 199).p)
    assert kstest(found, "uniform").pvalue > 0.01
    if kind == "flipped":
        assert (
            redrawn_null(labels, scores, rng, 199).mean < flipped_null(labels, scores, np.arange(600) // 2, rng).mean
        )


def test_a_wrong_model_is_found_out() -> None:
    rng = np.random.default_rng(2)
    labels, scores = calibrated(400, rng)
    for null in (redrawn_null, lambda *rows: flipped_null(*rows[:2], np.arange(400) // 2, rows[2])):
        found = null(labels, scores**2, rng)
        assert found.p < 0.01
        assert expected_calibration_error(labels, scores**2) > 1.5 * found.high


def test_slices_of_many_rows_draw_what_rows_draw() -> None:
    """The null is the mean of sums of absolute values: of normal ones, in bins of thousands of rows."""
    rng = np.random.default_rng(3)
    labels, scores = calibrated(40 * SLICES, rng)
    found = redrawn_null(labels, scores, rng)
    numbers = equal_mass_bins(scores)
    variances = np.bincount(numbers, weights=scores * (1 - scores))
    assert found.mean == pytest.approx(np.sqrt(variances * 2 / np.pi).sum() / len(scores), rel=0.03)
    many = flipped_null(labels, scores, np.arange(len(scores)), rng)
    assert many.mean == pytest.approx(found.mean, rel=0.05)


def test_draws_are_counted_with_the_observed_among_them() -> None:
    found = compared(np.array([0.1, 0.2, 0.3]), 0.2)
    assert (found.mean, found.p) == (pytest.approx(0.2), 3 / 4)
    assert compared(np.array([0.1, 0.2, 0.3]), 0.4).p == 1 / 4
    certain = redrawn_null(np.array([0, 1]), np.array([0.0, 1.0]), np.random.default_rng(0))
    assert (certain.mean, certain.high, certain.p) == (0, 0, 1)
    for empty in (redrawn_null(*np.zeros((2, 0)), np.random.default_rng(0)),):
        assert np.isnan([empty.mean, empty.high, empty.p]).all()
