"""What may be shared of a benchmark, by the rule of `publish`: sizes rounded, numbers to two digits.

A number that rests on fewer than 10 cases of a class is withheld, and a task with such a number across its groups has
no place in ranks and fronts. Where a size of some group is below 10, no task of its data set shows any size: sums of
others would tell it. Numbers of papers stay as they are.
"""

from dataclasses import replace
from typing import Any

from .audits.rank_tests import rank_methods
from .disclosure import FEW, Rule, cases_of
from .document.benchmark import Benchmark, Ranks
from .document.benchmark_task import BenchmarkTask, Ranked
from .document.estimate import Size, exact


def publish_benchmark(benchmark: Benchmark) -> Benchmark:
    """Return the benchmark as it may be shared; what is shared already stays as it is."""
    if benchmark.shared:
        return benchmark
    small = {task.dataset for task in benchmark.tasks if _small(task)}
    rule = Rule()
    tasks = [_task(task, hide=task.dataset in small) for task in benchmark.tasks]
    ranks = [rule.show(_ranks(benchmark, one.metric, one.confidence)) for one in benchmark.ranks]
    return replace(
        benchmark,
        protocol=rule.show(benchmark.protocol),
        tasks=tasks,
        ranks=ranks,
        masks=[rule.show(one) for one in benchmark.masks],
        # A name that looks like a path is shortened alike everywhere.
        published=[
            replace(one, task=rule.show(one.task), method=rule.show(one.method)) for one in benchmark.published
        ],
        provenance=rule.show(benchmark.provenance),
        shared=True,
    )


def _ranks(benchmark: Benchmark, metric: Ranked, confidence: float) -> Ranks:
    """Rank again without the tasks whose number is withheld."""
    withheld = [task.name for task in benchmark.tasks if _few(task, across=metric != "auc")]
    return rank_methods(benchmark.tasks, metric, confidence, withheld)


def _task(task: BenchmarkTask, hide: bool) -> BenchmarkTask:
    rule = replace(Rule(), size=_hidden) if hide else Rule()
    shown: BenchmarkTask = rule.of(task).show(replace(task, fronts=[]))
    return replace(shown, fronts=[] if _few(task, across=True) else [rule.show(one) for one in task.fronts])


def _hidden(count: Any) -> Size:
    return None


def _few(task: BenchmarkTask, across: bool) -> bool:
    """Tell whether the number of all rows or, `across`, of the groups rests on few cases."""
    if not across:
        return min(cases_of(task).values()) < FEW
    return any(min(cases_of(row).values()) < FEW for row in task.groups if row.group not in task.excluded)


def _small(task: BenchmarkTask) -> bool:
    """Tell whether a size of some group, or of all rows, is above 0 and below 10."""
    sizes = [task.n, task.positives, task.negatives]
    for row in task.groups:
        sizes += [row.n, row.positives, row.negatives]
    return any(0 < exact(size) < FEW for size in sizes)
