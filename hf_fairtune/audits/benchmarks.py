"""A benchmark: every method on every task against the reference, ranks over tasks, fronts and masks."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..document.benchmark import Benchmark, Protocol, PublishedNumber
from ..document.benchmark_task import RANKED, BenchmarkTask, TaskGroup
from ..document.provenance import Provenance
from ..errors import FairTuneError
from .audit import AuditOptions
from .benchmark_methods import TaskRows, method_on_task
from .engine.resampled_rows import ResampledRows
from .engine.rows import check_rows, included_codes
from .mask_shares import mask_shares
from .pareto import front_of
from .rank_tests import rank_methods
from .scored_methods import ScoredMethod, ScoredTask


def benchmark_of(
    tasks: Sequence[ScoredTask],
    reference: str,
    *,
    protocol: Protocol | None = None,
    published: Sequence[PublishedNumber] = (),
    provenance: Provenance | None = None,
) -> Benchmark:
    """Judge methods on tasks: means over trainings, differences to the reference, ranks over tasks.

    Every comparison is one of `replicate`: of at least 3 trainings of each method, paired by test rows. Folds are
    trained on rows that they share, so their spread is no variance of training: the trainings of a seed are one run,
    on the test folds and on a test set that the models of all folds score.

    Args:
        tasks: with the scores of every method.
        reference: name of the method that the others are compared with, such as "full".
        protocol: what all methods had in common; by default all defaults. Its reference is `reference`.
        published: numbers of papers to stand beside ours.
        provenance: of the run.

    Raises:
        FairTuneError: scores do not fit their rows, names are not unique, or no task has the reference.
    """
    given = replace(protocol or Protocol(reference), reference=reference)
    _check(tasks, reference)
    found = [_task(task, given) for task in tasks]
    return Benchmark(
        protocol=given,
        tasks=found,
        ranks=[rank_methods(found, metric, given.confidence) for metric in RANKED],
        masks=mask_shares(tasks),
        published=[*published],
        provenance=provenance or Provenance(),
    )


def _task(task: ScoredTask, protocol: Protocol) -> BenchmarkTask:
    folds, n = np.unique(task.folds), len(task.labels)
    times = len(folds) if task.repeats else 1
    # Rows that come again are no new cases: each is a cluster at least.
    clusters = np.arange(n) % (n // times) if times > 1 and task.clusters is None else task.clusters
    rows = check_rows(task.labels, np.zeros(n), task.groups, task.group_names, clusters)
    included = included_codes(rows.group_names, task.excluded)
    resampled = ResampledRows(rows, included, None, protocol.confidence)
    options = AuditOptions(task.excluded, 0, 0, 0, protocol.confidence, protocol.margin)
    shared = TaskRows(resampled, task.folds if len(folds) > 1 else None, options, times)
    reference = next((one for one in task.methods if one.name == protocol.reference), None)
    methods = [method_on_task(shared, one, reference) for one in task.methods]
    groups, counts = [], (resampled.counts // times).tolist()
    for code, name in enumerate(rows.group_names):
        positives, negatives, n = counts[code]
        groups.append(TaskGroup(name, n, positives, negatives, resampled.status[code]))
    positives, negatives, n = counts[-1]
    return BenchmarkTask(
        name=task.name,
        dataset=task.dataset,
        attribute=task.attribute,
        model=task.model,
        split=task.split,
        positive=task.positive,
        folds=len(folds),
        n=n,
        positives=positives,
        negatives=negatives,
        clusters=resampled.n_clusters if task.clusters is not None else None,
        excluded=resampled.excluded,
        groups=groups,
        methods=methods,
        fronts=[front_of(methods, "min_group_auc"), front_of(methods, "auc_gap")],
    )


def _check(tasks: Sequence[ScoredTask], reference: str) -> None:
    names = [task.name for task in tasks]
    if not tasks or len({*names}) < len(names):
        raise FairTuneError(f"`tasks` is {names}; pass one or more tasks with a name of their own each.")
    for task in tasks:
        rows = [one.name for one in task.methods]
        if not rows or len({*rows}) < len(rows):
            raise FairTuneError(f"Task `{task.name}` has the methods {rows}; pass one or more, each once.")
        for wrong in (text for one in task.methods for text in _wrong(task, one)):
            raise FairTuneError(f"Task `{task.name}`: {wrong}")
    known = sorted({one.name for task in tasks for one in task.methods})
    if reference not in known:
        raise FairTuneError(f"`reference` is `{reference}`, which no task has; choose one of {', '.join(known)}.")


def _wrong(task: ScoredTask, method: ScoredMethod) -> Iterator[str]:
    """Say what does not fit in a method's scores."""
    shape, n = (len(method.seeds), len(task.labels)), len(task.labels)
    if not method.seeds or len({*method.seeds}) < len(method.seeds):
        yield f"`{method.name}` has the seeds {[*method.seeds]}; pass one or more, each once."
    if task.repeats and n % len({*task.folds}):
        yield f"`repeats` of {n} rows in {len({*task.folds})} folds; pass the same rows once for each fold."
    if np.shape(task.folds) != (n,):
        yield f"`folds` has shape {np.shape(task.folds)} for {n} rows; pass the test fold of each row."
    for name, found in (("scores", method.scores), ("cuts", method.cuts)):
        if np.shape(found) != shape:
            yield f"`{name}` of `{method.name}` has shape {np.shape(found)}; pass {shape}, a row a seed."
    known = method.scores[~np.isnan(method.scores)]
    if known.size and not (known.min() >= 0 and known.max() <= 1):
        yield f"`scores` of `{method.name}` run from {known.min():g} to {known.max():g}; pass probabilities, 0 to 1."
