import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from scipy.stats import t
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from hf_fairtune.audits.metrics.calibration_slope import (
    calibration_intercept,
    calibration_slope,
    logistic_line,
    no_line,
)
from hf_fairtune.document.estimate import Estimate, Reason

from ..samples import few, split


@pytest.mark.parametrize("seed", range(3))
def test_it_is_sklearns_without_penalty(seed: int) -> None:
    labels, scores, _ = split(seed=seed)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(logit(scores)[:, None], labels)
    assert calibration_slope(labels, scores).value == pytest.approx(model.coef_[0, 0], rel=1e-4)
    assert logistic_line(labels, logit(scores))[1] == pytest.approx(model.intercept_[0], rel=1e-3, abs=1e-4)


@given(
    st.lists(st.integers(1, 99), min_size=3, max_size=40),
    st.integers(0, 2**40 - 1),
    st.sampled_from([1e-6, 1.0, 1e4]),
)
def test_residuals_vanish_and_so_do_they_times_z(percents: list[int], bits: int, scale: float) -> None:
    labels = np.array([bits >> i & 1 for i in range(len(percents))])
    scores = np.array(percents) / 100
    assume(no_line(labels, scores, slope=True) is None)
    z = logit(scores) * scale
    slope, intercept = logistic_line(labels, z)
    residuals = expit(slope * z + intercept) - labels
    np.testing.assert_allclose([residuals.mean(), (residuals * z / scale).mean()], 0, atol=1e-8)


def test_it_tells_bold_from_timid_scores() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(-1, 1, 50_000)
    labels = (rng.random(len(z)) < expit(z)).astype(int)
    for factor in (0.5, 1, 3, -1):
        assert calibration_slope(labels, expit(factor * z)).value == pytest.approx(1 / factor, rel=0.04)


@pytest.mark.parametrize(
    ("labels", "scores", "reason"),
    [
        ([], [], few("rows", 0, 1)),
        ([0, 0], [0.1, 0.2], few("positives", 0, 1)),
        ([1, 1], [0.1, 0.2], few("negatives", 0, 1)),
        ([1, 0, 1], [0.0, 0.2, 0.1], Reason("no_log_odds")),
        ([1, 0, 1], [0.1, 0.2, 1.0], Reason("no_log_odds")),
        ([1, 0, 1], [0.1, 0.1, 0.1], Reason("equal_scores")),
        ([0, 0, 1], [0.1, 0.2, 0.3], Reason("separated")),
        ([1, 1, 0], [0.1, 0.2, 0.3], Reason("separated")),
        ([0, 0, 1, 1], [0.1, 0.2, 0.2, 0.3], Reason("separated")),
    ],
)
def test_where_there_is_none_there_is_a_reason(labels: list[int], scores: list[float], reason: Reason) -> None:
    found = calibration_slope(np.array(labels), np.array(scores))
    assert (found.defined, found.reasons) == (False, (reason,))
    found = calibration_intercept(np.array(labels), np.array(scores))
    assert found.defined == (reason.kind in ("equal_scores", "separated"))
    assert found.defined or found.reasons == (reason,)


def test_rows_that_precision_cannot_tell_from_separated_ones_have_none() -> None:
    labels, scores = np.array([0, 1, 0, 1]), np.array([1e-249, 0.5 - 3e-12, 0.5 - 2e-12, 0.5 + 3e-12])
    assert no_line(labels, scores, slope=True) is None
    assert calibration_slope(labels, scores).reasons == (Reason("nearly_separated"),)


def test_nearly_separated_rows_still_have_their_slope() -> None:
    labels = np.repeat([0, 1], 1000)
    z = np.concatenate([np.linspace(-9, -3, 1000), np.linspace(3, 9, 1000)])
    z[[999, 1000]] = 3.5, -3.5
    slope, intercept = logistic_line(labels, z)
    residuals = expit(slope * z + intercept) - labels
    assert abs(residuals @ z) < 1e-6
    assert 0 < slope < 5


@pytest.mark.parametrize("seed", range(3))
def test_the_intercept_minimises_the_log_loss(seed: int) -> None:
    labels, scores, _ = split(seed=seed)
    best = minimize_scalar(lambda a: log_loss(labels, expit(logit(scores) + a)), bracket=(-1, 1), tol=1e-10).x
    assert calibration_intercept(labels, scores).value == pytest.approx(best, abs=1e-6)


@given(st.lists(st.floats(1e-12, 1 - 1e-12), min_size=2, max_size=40), st.integers(0, 2**40 - 1))
def test_as_many_positives_as_expected(scores: list[float], bits: int) -> None:
    labels = np.array([bits >> i & 1 for i in range(len(scores))])
    labels[:2] = 0, 1
    found = calibration_intercept(labels, np.array(scores)).value
    assert expit(logit(np.array(scores)) + found).mean() == pytest.approx(labels.mean())


def test_constant_scores_have_one_and_a_shift_comes_back() -> None:
    labels = np.array([1, 0, 0, 0])
    assert calibration_intercept(labels, np.full(4, 0.5)).value == pytest.approx(math.log(1 / 3))
    rng = np.random.default_rng(0)
    z = rng.normal(size=50_000)
    labels = (rng.random(len(z)) < expit(z)).astype(int)
    assert calibration_intercept(labels, expit(z - 0.7)).value == pytest.approx(0.7, abs=0.03)


def slow_half(
    labels: np.ndarray, z: np.ndarray, line: tuple[float, float], design: list[int], ids: np.ndarray
) -> float:
    """Half a 90 % interval by a loop over rows and clusters; of (z, 1) `design` are fitted, the first is asked."""
    bread, scores = np.zeros((len(design),) * 2), {}
    for y, x, own in zip(labels, z, ids.tolist(), strict=True):
        chance, row = expit(line[0] * x + line[1]), np.array([x, 1.0])[design]
        bread += chance * (1 - chance) * np.outer(row, row)
        scores[own] = scores.get(own, 0) + row * (y - chance)
    squares = [float(np.linalg.solve(bread, u)[0] ** 2) for u in scores.values()]
    size, total = len(squares), sum(squares)
    degrees = min(size - 1, 2 * total**2 / sum((square - total / size) ** 2 for square in squares))
    return float(t.ppf(0.95, degrees) * np.sqrt(size / (size - 1) * total))


@pytest.mark.parametrize("size", [None, 1, 3])
def test_they_are_the_sandwich_by_a_loop(size: int | None) -> None:
    labels, scores, _ = split()
    clusters = None if size is None else np.arange(len(labels)) // size
    ids = np.arange(len(labels)) if clusters is None else clusters
    z = logit(scores)
    slope, shift = (
        calibration_slope(labels, scores, clusters, 0.9),
        calibration_intercept(labels, scores, clusters, 0.9),
    )
    constant = logit_constant(labels, slope.value * z)
    errors = [
        slow_half(labels, z, (slope.value, constant), [0, 1], ids),
        slow_half(labels, z, (1, shift.value), [1], ids),
    ]
    for found, error in zip((slope, shift), errors, strict=True):
        assert found.high - found.value == pytest.approx(error)
        assert found.value - found.low == pytest.approx(error)
        assert (found.method, found.reasons) == ("sandwich" if size is None else "cluster-robust sandwich", ())


def logit_constant(labels: np.ndarray, offset: np.ndarray) -> float:
    """Bisect for the constant at which as many positives are expected as there are."""
    low, high = -50.0, 50.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(offset + middle).sum() < labels.sum() else (low, middle)
    return low


def holds(found: Estimate, truth: float) -> bool:
    return found.low <= truth <= found.high


def test_coverage_with_and_without_clusters() -> None:
    """A patient's two rows have one label and one score: without their clusters, intervals are too short."""
    rng, runs = np.random.default_rng(0), 300
    inside = np.zeros(4)
    for _ in range(runs):
        z = rng.normal(-1, 1.2, 100)
        labels, scores = (rng.random(100) < expit(0.7 * z + 0.3)).astype(int), expit(z)
        twice, both, clusters = np.repeat(labels, 2), np.repeat(expit(0.7 * z), 2), np.repeat(np.arange(100), 2)
        found = [calibration_slope(labels, scores), calibration_slope(twice, np.repeat(scores, 2), clusters)]
        found += [calibration_intercept(twice, both, clusters), calibration_intercept(twice, both)]
        inside += [holds(item, truth) for item, truth in zip(found, (0.7, 0.7, 0.3, 0.3), strict=True)]
    assert (inside[:3] / runs > 0.92).all()
    assert inside[3] / runs < 0.9


@pytest.mark.parametrize("made", [calibration_slope, calibration_intercept])
def test_undefined_has_its_reason(made: Callable[..., Estimate]) -> None:
    found = made(np.zeros(4, dtype=int), np.linspace(0.1, 0.4, 4))
    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.reasons == (few("positives", 0, 1),)
    single = made(*split()[:2], np.zeros(len(split()[0]), dtype=int))
    assert np.isfinite(single.value)
    assert np.isnan([single.low, single.high]).all()
    assert single.reasons == (few("clusters", 1, 2),)


def test_separated_scores_have_an_intercept_and_no_slope() -> None:
    labels, scores = np.repeat([0, 1], 10), np.linspace(0.1, 0.9, 20)
    assert calibration_slope(labels, scores).reasons == (Reason("separated"),)
    assert calibration_intercept(labels, scores).value == pytest.approx(0, abs=1e-9)
