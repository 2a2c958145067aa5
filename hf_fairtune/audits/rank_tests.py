"""Ranks of methods over tasks, and what tests of them show: Friedman's and Nemenyi's."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from ..document.benchmark import LeftOut, Ranks, RankState
from ..document.benchmark_task import BenchmarkTask, Ranked
from ..document.estimate import NAN

# Data sets from which the chi-squared distribution serves Friedman's test (Demsar 2006, section 3.2.2).
ENOUGH = 10
LOWER_IS_BETTER: tuple[Ranked, ...] = ("auc_gap",)


def rank_methods(
    tasks: Sequence[BenchmarkTask], metric: Ranked, confidence: float = 0.95, withheld: Collection[str] = ()
) -> Ranks:
    """Rank methods in every task by the mean of a number over trainings, and test whether all rank alike.

    The test takes a task for a block and blocks for independent: tasks on one data set are not, as they share images.
    Below `ENOUGH` data sets its p is a guess. A method that lacks a training in some task takes no part, nor does a
    task in which the number is undefined for every method, or `withheld` as it rests on few cases.

    Source: Demsar 2006, "Statistical comparisons of classifiers over multiple data sets", JMLR 7; Nemenyi 1963.
    """
    kept, left = _tasks(tasks, metric, withheld)
    methods, gone = _methods(kept, metric)
    left += gone
    values = np.array([[_value(task, name, metric) for name in methods] for task in kept])
    values = values.reshape(len(kept), len(methods))
    ranks = rankdata(values if metric in LOWER_IS_BETTER else -values, axis=1) if values.size else values
    average = ranks.mean(axis=0) if values.size else np.full(len(methods), NAN)
    sets = len({task.dataset for task in kept})
    state: RankState = "untestable" if len(methods) < 3 or len(kept) < 2 else "few" if sets < ENOUGH else "tested"
    friedman, p, distance, pairs = NAN, NAN, NAN, list[list[float]]()
    if state != "untestable":
        friedman, p = _friedman(ranks)
        distance = critical_difference(len(methods), len(kept), confidence)
        pairs = nemenyi(ranks).tolist()
    return Ranks(
        metric=metric,
        methods=methods,
        tasks=[task.name for task in kept],
        by_task=ranks.tolist(),
        average=average.tolist(),
        datasets=sets,
        friedman=friedman,
        p=p,
        critical_difference=distance,
        p_adjusted=pairs,
        confidence=confidence,
        state=state,
        left_out=left,
    )


def _tasks(
    tasks: Sequence[BenchmarkTask], metric: Ranked, withheld: Collection[str]
) -> tuple[list[BenchmarkTask], list[LeftOut]]:
    """Keep the tasks that may be ranked."""
    kept, left = [], []
    for task in tasks:
        scored = [one for one in task.methods if one.missing < len(one.seeds)]
        if task.name in withheld:
            left.append(LeftOut("few cases", task.name))
        elif not any(one.number(metric).mean.defined for one in scored):
            left.append(LeftOut("undefined for all", task.name))
        else:
            kept.append(task)
    return kept, left


def _methods(tasks: Sequence[BenchmarkTask], metric: Ranked) -> tuple[list[str], list[LeftOut]]:
    """Keep the methods that have every training and the number in each task; say of others the first task without."""
    kept, left = [], []
    for name in dict.fromkeys(one.method for task in tasks for one in task.methods):
        reasons = [reason for task in tasks if (reason := _lack(task, name, metric))]
        if reasons:
            left.append(reasons[0])
        else:
            kept.append(name)
    return kept, left


def _lack(task: BenchmarkTask, name: str, metric: Ranked) -> LeftOut | None:
    found = task.find(name)
    if found is None:
        return LeftOut("not in every task", task.name, name)
    if not found.complete:
        return LeftOut("missing trainings", task.name, name, found.missing)
    return None if found.number(metric).mean.defined else LeftOut("undefined", task.name, name)


def _value(task: BenchmarkTask, name: str, metric: Ranked) -> float:
    found = task.find(name)
    return NAN if found is None else found.number(metric).mean.value


def _friedman(ranks: np.ndarray) -> tuple[float, float]:
    """Test whether methods rank alike, [n_tasks, n_methods]; 0 and 1 where all tie in every task."""
    if np.ptp(ranks) == 0:
        return 0.0, 1.0
    found = friedmanchisquare(*ranks.T)
    return float(found.statistic), float(found.pvalue)


def critical_difference(methods: int, tasks: int, confidence: float = 0.95) -> float:
    """Compute by how much average ranks must differ by Nemenyi's test: q sqrt(k (k + 1) / (6 N)).

    Source: Demsar 2006, section 3.2.2; q is the studentized range's quantile over sqrt(2).
    """
    quantile = float(studentized_range.ppf(confidence, methods, np.inf)) / np.sqrt(2)
    return float(quantile * np.sqrt(methods * (methods + 1) / (6 * tasks)))


def nemenyi(ranks: np.ndarray) -> np.ndarray:
    """Compute Nemenyi's p of every pair of methods, from ranks [n_tasks, n_methods] to [n_methods, n_methods]."""
    from scikit_posthocs import posthoc_nemenyi_friedman  # only where there are ranks: it takes a second

    return np.asarray(posthoc_nemenyi_friedman(pd.DataFrame(ranks)), dtype=float)
