"""What is shared of a benchmark: rounded sizes, two digits, and nothing that rests on few cases."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hf_fairtune.audits.benchmarks import benchmark_of
from hf_fairtune.document.benchmark import Benchmark, PublishedNumber
from hf_fairtune.publish_benchmark import publish_benchmark
from tests.benchmark_samples import task_of


def numbers(node: Any) -> Iterator[float]:
    """Yield every fraction in a document."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key not in (
                "published",
                "protocol",
                "learning_rate",
                "hyperparameters",
                "p",
                "p_adjusted",
                "confidence",
                "margin",
            ):
                yield from numbers(value)
    elif isinstance(node, list):
        for value in node:
            yield from numbers(value)
    elif isinstance(node, float):
        yield node


@pytest.fixture(scope="module")
def benchmark() -> Benchmark:
    rng = np.random.default_rng(0)
    tasks = [task_of(rng, "ham-age", 31), task_of(rng, "ham-sex", 61), task_of(rng, "odd-age", 61)]
    few = task_of(rng, "few-age", 33)
    # Of one group 9 positives, and so of the same data set's other attribute no sizes either.
    kept = np.ones(len(few.labels), bool)
    kept[np.flatnonzero((few.groups == 1) & (few.labels == 1))[9:]] = False
    methods = [replace(one, scores=one.scores[:, kept], cuts=one.cuts[:, kept]) for one in few.methods]
    arrays = {key: getattr(few, key)[kept] for key in ("labels", "groups", "folds")}
    tasks.append(replace(few, methods=methods, **arrays))
    tasks.append(replace(task_of(rng, "few-sex", 41), dataset="few"))
    published = [PublishedNumber("ham-age", "full", "auc", 0.8765, 0.0123, "a paper, https://example.org/table/2")]
    return benchmark_of(tasks, "full", published=published)


def test_sizes_are_rounded_and_numbers_have_two_digits(benchmark: Benchmark) -> None:
    shared = publish_benchmark(benchmark)
    assert [(one.n, one.positives) for one in shared.tasks[0].groups] == [(155, 30), (155, 30)]
    content = json.loads(shared.to_json())
    assert all(round(value, 2) == value for value in numbers(content))
    assert any(round(value, 2) != value for value in numbers(json.loads(benchmark.to_json())))
    assert shared.published == benchmark.published
    verdicts = [[one.against and one.against.verdict for one in task.methods] for task in benchmark.tasks]
    assert [[one.against and one.against.verdict for one in task.methods] for task in shared.tasks] == verdicts


def test_what_rests_on_few_cases_is_withheld(benchmark: Benchmark) -> None:
    exact, task = benchmark.tasks[3], publish_benchmark(benchmark).tasks[3]
    for before, row in zip(exact.methods, task.methods, strict=True):
        assert before.min_group_auc.mean.defined
        assert row.auc.mean.value == round(before.auc.mean.value, 2)
        assert row.groups[0].auc.mean.defined
        for gone in (row.min_group_auc, row.auc_gap, row.groups[1].auc):
            assert np.isnan([gone.mean.value, *gone.runs, gone.training_error, gone.sampling_error]).all()
            assert gone.mean.reasons[0].kind == "few_cases"
        for cut in row.cuts:
            assert np.isnan(cut.gaps["equalized_odds_difference"].mean)
            assert np.isnan(cut.gaps["demographic_parity_difference"].runs).all()
            # False alarms rest on negatives, of which there are enough.
            assert cut.gaps["predictive_equality_difference"].mean >= 0
            assert cut.measures["balanced_accuracy"].mean > 0
        if row.against:
            assert not row.against.min_group_auc.change.mean.defined
            assert not row.against.groups[1].auc.change.mean.defined
            assert np.isnan(row.against.groups[1].fall)
    assert task.fronts == []


def test_a_small_size_takes_all_sizes_of_its_data_set(benchmark: Benchmark) -> None:
    shared = publish_benchmark(benchmark)
    for task in shared.tasks[3:]:
        assert [task.n, task.positives, task.groups[0].n, task.groups[1].positives] == [None] * 4
    assert shared.tasks[2].n is not None
    replicated = shared.tasks[4].methods[1].against
    assert replicated
    assert replicated.n is None


def test_ranks_leave_out_the_task_that_is_withheld(benchmark: Benchmark) -> None:
    ranks = {one.metric: one for one in publish_benchmark(benchmark).ranks}
    assert "few-age" in ranks["auc"].tasks
    assert "few-age" not in ranks["min_group_auc"].tasks
    assert [(one.task, one.because) for one in ranks["auc_gap"].left_out] == [("few-age", "few cases")]
    assert "few-age" in benchmark.ranks[1].tasks


def test_sharing_twice_is_sharing_once(benchmark: Benchmark) -> None:
    shared = publish_benchmark(benchmark)
    assert publish_benchmark(shared) is shared
    assert not benchmark.shared
