"""One method on one task of a benchmark: its numbers over trainings, and against the reference method."""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from ..document.benchmark_task import GroupMean, MethodOnTask, Standing
from ..document.estimate import NAN, Reason, point, undefined
from ..document.replication import GroupContrast, Repeated, Replication
from .audit import AuditOptions
from .benchmark_cuts import cut_numbers, probability_numbers
from .engine.auc_influence import spread
from .engine.resampled_rows import ResampledRows
from .engine.rows import ScoredRows
from .replication import LEAST, REPEATED, replicate_rows
from .scored_methods import ScoredMethod
from .training_runs import Number, TrainingRuns

Counted = TypeVar("Counted", Replication, GroupContrast)


@dataclass(frozen=True)
class TaskRows:
    """The rows of a task as its methods share them.

    `folds` is None where there is one test split; every row is there so many `times`, with a cluster of its own at
    least where that is more than once.
    """

    resampled: ResampledRows
    folds: np.ndarray | None
    options: AuditOptions
    times: int = 1

    @property
    def rows(self) -> ScoredRows:
        """Return the rows; their scores are nobody's."""
        return self.resampled.rows

    def repeated(self, scores: np.ndarray, against: np.ndarray, name: str, seeds: list[int]) -> Replication:
        """Compare two methods by their trainings' scores, [k, n] each."""
        found = replicate_rows(self.rows, scores, against, name, seeds, False, self.options, self.folds)
        return replace(self._once(found), groups=[self._once(one) for one in found.groups])

    def _once(self, found: Counted) -> Counted:
        """Count each row once."""
        sizes = {name: getattr(found, name) // self.times for name in ("n", "positives", "negatives")}
        return replace(found, **sizes)


def missing(method: ScoredMethod) -> int:
    """Count the trainings without a score for every row."""
    return int(np.isnan(method.scores).any(axis=1).sum())


def standing(method: ScoredMethod, reference: ScoredMethod | None) -> Standing:
    """Say how a method stands to the reference; None where the task lacks that."""
    own = _lack(method)
    if own is not None:
        return own
    if reference is not None and method.name == reference.name:
        return "reference"
    return "no reference" if reference is None or _lack(reference) else "compared"


def _lack(method: ScoredMethod) -> Standing | None:
    gone = missing(method)
    if gone == len(method.scores):
        return "no scores"
    if gone:
        return "incomplete"
    return "few trainings" if len(method.scores) < LEAST else None


def method_on_task(task: TaskRows, method: ScoredMethod, reference: ScoredMethod | None) -> MethodOnTask:
    """Judge a method on the rows of a task, against the reference where both have their trainings."""
    state, seeds = standing(method, reference), [*method.seeds]
    against = None
    if state == "compared" and reference is not None:
        against = task.repeated(method.scores, reference.scores, reference.name, seeds)
    if state in ("compared", "reference", "no reference"):
        found = against or task.repeated(method.scores, method.scores, method.name, seeds)
        numbers = [found.auc.method, found.min_group_auc.method, found.auc_gap.method]
        groups = [GroupMean(row.group, row.auc.method) for row in found.groups]
    else:
        numbers, groups = _points(task, method)
    whole, lowest, gap = numbers
    return MethodOnTask(
        method=method.name,
        facts=method.facts,
        seeds=seeds,
        missing=missing(method),
        lacking=method.lacking,
        standing=state,
        learning_rate=float(method.learning_rate),
        trainable_parameters=method.trainable_parameters,
        seconds=float(method.seconds),
        budget=method.budget,
        searches=[*method.searches],
        auc=whole,
        min_group_auc=lowest,
        auc_gap=gap,
        groups=groups,
        measures=probability_numbers(task.rows.labels, method.scores),
        cuts=cut_numbers(task.resampled, method.scores, method.cuts),
        against=against,
    )


def _points(task: TaskRows, method: ScoredMethod) -> tuple[list[Repeated], list[GroupMean]]:
    """Take means over the trainings that have scores, without intervals: what the others would show is not known."""
    rows, finished = task.rows, ~np.isnan(method.scores).any(axis=1)
    names, included = rows.group_names, task.resampled.included
    gone = int((~finished).sum())
    few = Reason("few_trainings", count=len(finished), needed=LEAST)
    reason = Reason("missing_trainings", count=gone, needed=len(finished)) if gone else few
    if not finished.any():
        nothing = Repeated(undefined(REPEATED, reason), [NAN] * len(finished), NAN, NAN)
        return [nothing] * 3, [GroupMean(name, nothing) for name in names]
    runs = TrainingRuns.of(rows, method.scores[finished], folds=task.folds)

    def repeated(number: Number) -> Repeated:
        values = np.full(len(finished), NAN)
        values[finished] = number.runs
        mean = float(number.runs.mean())
        found = undefined(REPEATED, reason) if np.isnan(mean) else point(mean, REPEATED, reason)
        return Repeated(found, values.tolist(), NAN, spread(number.influence, rows.clusters))

    whole = [runs.group(-1), runs.across(included, False), runs.across(included, True)]
    groups = [GroupMean(name, repeated(runs.group(code))) for code, name in enumerate(names)]
    return [*map(repeated, whole)], groups
