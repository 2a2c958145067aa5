"""Fronts by loops over pairs, and areas by counting the cells of a grid."""

import numpy as np
import pytest

from hf_fairtune.audits.benchmarks import benchmark_of
from hf_fairtune.audits.pareto import front_of, hypervolume, undominated
from tests.benchmark_samples import task_of


@pytest.mark.parametrize("seed", range(5))
def test_area_by_a_fine_grid_and_front_by_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 20, (12, 2)) / 20
    origin = np.array([0.2, 0.1])
    middles = (np.arange(400) + 0.5) / 400
    first, second = np.meshgrid(middles, middles, indexing="ij")
    covered = np.zeros(first.shape, bool)
    for x, y in points:
        covered |= (first < x) & (second < y) & (first > origin[0]) & (second > origin[1])
    assert hypervolume(points, origin) == pytest.approx(covered.mean(), abs=1e-9)
    slow = []
    for one in points:
        beaten = [(other >= one).all() and (other > one).any() for other in points]
        slow.append(not any(beaten))
    assert undominated(points).tolist() == slow


def test_equal_points_are_both_on_the_front_and_below_the_origin_is_no_area() -> None:
    assert undominated(np.array([[0.5, 0.5], [0.5, 0.5], [0.4, 0.5]])).tolist() == [True, True, False]
    assert hypervolume(np.array([[0.4, 0.9], [0.9, 0.4]]), np.array([0.5, 0.5])) == 0


def test_a_small_gap_is_good() -> None:
    methods = benchmark_of([task_of(np.random.default_rng(0), positives=100, noise=0.01)], "full").tasks[0].methods
    found = front_of(methods, "auc_gap")
    smallest = min(methods, key=lambda one: one.auc_gap.mean.value)
    highest = max(methods, key=lambda one: one.auc.mean.value)
    assert {smallest.method, highest.method} <= {*found.methods}
    corner = (0.5 - smallest.auc_gap.mean.value) * (highest.auc.mean.value - 0.5)
    assert 0 < found.hypervolume <= corner
    assert np.isnan(front_of([], "auc_gap").hypervolume)
