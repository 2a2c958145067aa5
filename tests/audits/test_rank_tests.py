"""Ranks over tasks by a hand computation, and who takes no part."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from hf_fairtune.audits.benchmarks import benchmark_of
from hf_fairtune.audits.rank_tests import nemenyi, rank_methods
from hf_fairtune.document.benchmark_task import BenchmarkTask, MethodOnTask
from hf_fairtune.document.estimate import point
from tests.benchmark_samples import task_of

# AUCs of four classifiers on 14 data sets, Demsar 2006, table 6; he gives the ranks, the statistic 9.28 and 1.25.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def tasks_with(values: np.ndarray, dataset: str = "") -> list[BenchmarkTask]:
    """Make tasks whose methods have these AUCs of all rows, [n_tasks, n_methods]."""
    one = benchmark_of([task_of(np.random.default_rng(0), methods={"full": (0.0, 0.0)})], "full").tasks[0]
    tasks = []
    for place, row in enumerate(values):
        methods = [with_auc(one.methods[0], f"m{number}", value) for number, value in enumerate(row)]
        tasks.append(replace(one, name=f"t{place}", dataset=dataset or f"d{place}", methods=methods))
    return tasks


def with_auc(method: MethodOnTask, name: str, value: float) -> MethodOnTask:
    mean = point(value, "made")
    parts = {key: replace(method.auc, mean=mean) for key in ("auc", "auc_gap", "min_group_auc")}
    return replace(method, method=name, **parts)


def test_the_published_example() -> None:
    found = rank_methods(tasks_with(DEMSAR), "auc")
    assert found.average == pytest.approx([3.143, 2.0, 2.893, 1.964], abs=0.001)
    assert found.critical_difference == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), abs=0.001)
    assert found.state == "tested"
    # Friedman's statistic by its first formula, and by the factor that ties ask for.
    ranks = np.array(found.by_task)
    plain = 12 * 14 / (4 * 5) * (np.square(found.average).sum() - 4 * 5**2 / 4)
    assert plain == pytest.approx(9.28, abs=0.005)
    ties = sum(count**3 - count for row in ranks for count in np.unique(row, return_counts=True)[1])
    assert found.friedman == pytest.approx(plain / (1 - ties / (14 * (4**3 - 4))))
    assert found.p == pytest.approx(chi2.sf(found.friedman, 3))


def test_nemenyi_agrees_with_the_critical_difference() -> None:
    found = rank_methods(tasks_with(DEMSAR), "auc")
    apart = np.abs(np.subtract.outer(found.average, found.average)) > found.critical_difference
    assert (np.array(found.p_adjusted) < 0.05).tolist() == apart.tolist()
    assert nemenyi(np.array(found.by_task)).shape == (4, 4)


def test_a_small_gap_ranks_first() -> None:
    assert rank_methods(tasks_with(DEMSAR[:1, ::-1]), "auc_gap").by_task[0] == [4, 3, 2, 1]
    assert rank_methods(tasks_with(DEMSAR[:1, ::-1]), "auc").by_task[0] == [1, 2, 3, 4]


def test_tasks_of_one_data_set_are_few_and_two_methods_untestable() -> None:
    one = rank_methods(tasks_with(DEMSAR, dataset="ham"), "auc")
    assert (one.state, one.datasets) == ("few", 1)
    assert rank_methods(tasks_with(DEMSAR[:, :2]), "auc").state == "untestable"
    assert rank_methods(tasks_with(DEMSAR[:1]), "auc").state == "untestable"


def test_methods_that_tie_everywhere_have_no_difference() -> None:
    found = rank_methods(tasks_with(np.full((12, 3), 0.8)), "auc")
    assert (found.friedman, found.p, found.average) == (0.0, 1.0, [2, 2, 2])


def test_who_takes_no_part_and_why() -> None:
    tasks = tasks_with(DEMSAR)
    tasks[0] = replace(tasks[0], methods=tasks[0].methods[1:])
    tasks[1] = replace(tasks[1], methods=[with_auc(one, one.method, np.nan) for one in tasks[1].methods])
    lost = [with_auc(one, one.method, np.nan) if one.method == "m2" else one for one in tasks[2].methods]
    tasks[2] = replace(tasks[2], methods=lost)
    found = rank_methods(tasks, "auc", withheld=["t3"])
    assert found.methods == ["m1", "m3"]
    assert found.tasks == ["t0", "t2", *(f"t{place}" for place in range(4, 14))]
    reasons = {(one.method, one.task): one.because for one in found.left_out}
    assert reasons == {
        (None, "t1"): "undefined for all",
        (None, "t3"): "few cases",
        ("m0", "t0"): "not in every task",
        ("m2", "t2"): "undefined",
    }
