"""Intervals from influences, against sums by a loop and in simulations."""

import math

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import norm
from scipy.stats import t as student

from hf_fairtune.audits.engine.influence import LOGIT_SANDWICH, SANDWICH, influence_interval
from hf_fairtune.document.estimate import Reason

from ..samples import few


def slow_half(moves: np.ndarray, clusters: np.ndarray, confidence: float) -> float:
    """Half the width, from sums over clusters by a loop, and degrees of freedom of a sum of squares."""
    sums = [moves[clusters == own].sum() for own in set(clusters.tolist())]
    squares, size = [u * u for u in sums], len(sums)
    total = sum(squares)
    # The variance of a sum of squares is estimated by their own around their mean.
    of_total = sum((square - total / size) ** 2 for square in squares)
    degrees = min(2 * total**2 / of_total, size - 1)
    return float(student.ppf((1 + confidence) / 2, degrees) * math.sqrt(size / (size - 1) * total))


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("share", [False, True])
def test_it_is_the_slow_form(clustered: bool, share: bool) -> None:
    rng = np.random.default_rng(0)
    moves = rng.exponential(size=60) / 900
    moves -= moves.mean()
    clusters = rng.integers(20, size=60) + 3 if clustered else np.arange(60)
    found = influence_interval(0.8, moves, clusters if clustered else None, 0.9, share)
    half = slow_half(moves, clusters, 0.9)
    ends = (0.8 - half, 0.8 + half)
    if share:
        ends = expit(logit(0.8) - half / 0.16), expit(logit(0.8) + half / 0.16)
    assert (found.low, found.high) == pytest.approx(ends)
    assert found.method == "cluster-robust " * clustered + (LOGIT_SANDWICH if share else SANDWICH)


def test_clusters_of_one_row_each_change_nothing_and_copies_add_nothing() -> None:
    moves = np.random.default_rng(1).normal(size=40)
    moves -= moves.mean()
    alone = influence_interval(0.3, moves, None, 0.95)
    for copies in (1, 3):
        found = influence_interval(0.3, np.repeat(moves / copies, copies), np.repeat(np.arange(40), copies), 0.95)
        assert (found.low, found.high) == pytest.approx((alone.low, alone.high))


def test_a_cluster_that_makes_up_the_variance_leaves_few_degrees_of_freedom() -> None:
    moves = np.append(np.full(50, -0.001), 0.05)
    found = influence_interval(0.0, moves, None, 0.95)
    error = math.sqrt(51 / 50 * float(moves @ moves))
    assert found.high > 4 * error
    even = influence_interval(0.0, np.tile([0.01, -0.01], 25), None, 0.95)
    assert even.high == pytest.approx(student.ppf(0.975, 49) * math.sqrt(50 / 49 * 50 * 1e-4))


@pytest.mark.parametrize(
    ("value", "moves", "clusters", "reason"),
    [
        (0.5, [0.0], None, few("rows", 1, 2)),
        (0.5, [0.1, -0.1], [4, 4], few("clusters", 1, 2)),
        (0.5, [0.0, 0.0], None, Reason("equal_values")),
        (0.5, [math.nan, math.nan], None, Reason("equal_values")),
        (1.0, [0.1, -0.1], None, Reason("equal_values")),
    ],
)
def test_no_interval_has_a_reason(
    value: float, moves: list[float], clusters: list[int] | None, reason: Reason
) -> None:
    found = influence_interval(value, np.array(moves), None if clusters is None else np.array(clusters), 0.95, True)
    assert (found.value, found.bounded, found.reasons) == (value, False, (reason,))


def test_coverage_of_a_mean_where_few_clusters_are_large() -> None:
    """Four of twenty clusters hold 32 of 60 rows: normal quantiles hold the mean in fewer than .91 of samples."""
    rng, runs, inside = np.random.default_rng(2), 2000, np.zeros(2)
    clusters = np.repeat(np.arange(20), [1, 1, 2, 3, 8] * 4)
    for _ in range(runs):
        values = rng.normal(size=20)[clusters]
        mean = float(values.mean())
        moves = (values - mean) / len(values)
        found = influence_interval(mean, moves, clusters, 0.95)
        sums = np.bincount(clusters, moves)
        inside += found.low <= 0 <= found.high, abs(mean) <= norm.ppf(0.975) * math.sqrt(20 / 19 * sums @ sums)
    assert inside[0] / runs > 0.92
    assert inside[1] / runs < 0.91
