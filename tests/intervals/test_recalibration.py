import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import t

from hf_fairtune.intervals.estimate import Estimate
from hf_fairtune.intervals.recalibration import CLUSTERED, SANDWICH, intercept_interval, slope_interval

from ..metrics.samples import split


def slow_error(
    labels: np.ndarray, z: np.ndarray, line: tuple[float, float], design: list[int], ids: np.ndarray
) -> float:
    """Sandwich by a loop over rows and clusters; `design` chooses which of (z, 1) are fitted, the first is asked."""
    bread, scores = np.zeros((len(design),) * 2), {}
    for y, x, own in zip(labels, z, ids.tolist(), strict=True):
        chance, row = expit(line[0] * x + line[1]), np.array([x, 1.0])[design]
        bread += chance * (1 - chance) * np.outer(row, row)
        scores[own] = scores.get(own, 0) + row * (y - chance)
    meat = sum(np.outer(u, u) for u in scores.values()) * len(scores) / (len(scores) - 1)
    inverse = np.linalg.inv(bread)
    return float(np.sqrt((inverse @ meat @ inverse)[0, 0]))


@pytest.mark.parametrize("size", [None, 1, 3])
def test_they_are_the_sandwich_by_a_loop(size: int | None) -> None:
    labels, scores, _ = split()
    clusters = None if size is None else np.arange(len(labels)) // size
    ids = np.arange(len(labels)) if clusters is None else clusters
    z, quantile = logit(scores), t.ppf(0.95, len(set(ids.tolist())) - 1)
    slope, shift = slope_interval(labels, scores, clusters, 0.9), intercept_interval(labels, scores, clusters, 0.9)
    constant = logit_constant(labels, slope.value * z)
    errors = [
        slow_error(labels, z, (slope.value, constant), [0, 1], ids),
        slow_error(labels, z, (1, shift.value), [1], ids),
    ]
    for found, error in zip((slope, shift), errors, strict=True):
        assert found.high - found.value == pytest.approx(quantile * error)
        assert found.value - found.low == pytest.approx(quantile * error)
        assert (found.method, found.reason) == (SANDWICH if size is None else CLUSTERED, None)


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
        found = [slope_interval(labels, scores), slope_interval(twice, np.repeat(scores, 2), clusters)]
        found += [intercept_interval(twice, both, clusters), intercept_interval(twice, both)]
        inside += [holds(item, truth) for item, truth in zip(found, (0.7, 0.7, 0.3, 0.3), strict=True)]
    assert (inside[:3] / runs > 0.92).all()
    assert inside[3] / runs < 0.9


@pytest.mark.parametrize("made", [slope_interval, intercept_interval])
def test_undefined_has_its_reason(made: object) -> None:
    found = made(np.zeros(4, dtype=int), np.linspace(0.1, 0.4, 4))  # type: ignore[operator]
    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.reason == "no positives"
    single = made(*split()[:2], np.zeros(len(split()[0]), dtype=int))  # type: ignore[operator]
    assert np.isfinite(single.value)
    assert np.isnan([single.low, single.high]).all()
    assert single.reason == "no interval: a single cluster"


def test_separated_scores_have_an_intercept_and_no_slope() -> None:
    labels, scores = np.repeat([0, 1], 10), np.linspace(0.1, 0.9, 20)
    assert "separate" in str(slope_interval(labels, scores).reason)
    assert intercept_interval(labels, scores).value == pytest.approx(0, abs=1e-9)
