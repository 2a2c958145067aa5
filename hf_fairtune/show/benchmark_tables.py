"""The tables of a benchmark that answer: methods over all tasks, and each task's methods against the reference."""

from collections import Counter

from ..audits.benchmark_cuts import HALF
from ..audits.compute import compares_groups
from ..document.benchmark import Benchmark, PublishedMetric, PublishedNumber
from ..document.benchmark_task import RANKED, BenchmarkTask, MethodOnTask, Ranked
from ..document.estimate import NAN, Reason
from ..document.run import Needs
from .benchmark_words import (
    ASSUMES,
    DASH,
    FAMILY,
    INTERVALS,
    MARKS,
    PAGE_VERDICTS,
    RANKED_WORDS,
    VERDICT_WORDS,
    change,
    counted,
    digits,
    folds_words,
    left_out_words,
    mean_and_sd,
    ordered,
    ranks_said,
    titled,
    trainings_words,
    verdict_words,
)
from .table import Cell, Table
from .words import name, number, percent

PUBLISHED_SHORT: dict[PublishedMetric, str] = {
    "auc": "AUC",
    "min_group_auc": "lowest",
    "auc_gap": "gap",
    "equalized_odds_difference": "EOddsD[max] at 0.5",
    "equal_opportunity_difference": "difference of true positive rates at 0.5",
    "demographic_parity_difference": "difference of selection rates at 0.5",
}
CHOSEN = (
    "the attribute is what a method itself needs; the searches here choose by {what}, which needs it on validation "
    "for every method"
)
ELSEWHERE = "{count} published numbers are of tasks that this comparison lacks, and left out"


def summary_table(benchmark: Benchmark) -> Table:
    """Build a row a method: what it needs, its average ranks, and how often it got which verdict."""
    ranks = {one.metric: dict(zip(one.methods, one.average, strict=True)) for one in benchmark.ranks}
    objective = benchmark.protocol.objective
    order = sorted(benchmark.methods, key=lambda method: ranks.get(objective, {}).get(method, float("inf")))
    by_rank: list[Ranked] = [objective, *(one for one in RANKED if one != objective)]
    rows: list[list[Cell]] = []
    for method in order:
        found = [row for task in benchmark.tasks if (row := task.find(method))]
        verdicts = Counter(row.against.verdict for row in found if row.against)
        judged = sum(verdicts.values()) + sum(row.standing == "reference" for row in found)
        average: list[Cell] = [ranks.get(metric, {}).get(method, NAN) for metric in by_rank]
        own = method == benchmark.protocol.reference
        counts: list[Cell] = ["" if own else verdicts[verdict] for verdict in VERDICT_WORDS]
        cells: list[Cell] = [titled(method, benchmark), *counts, len(found) - judged, len(found)]
        rows.append([*cells, *average, *_needs(found[0].facts.needs)])
    header = ["method", *VERDICT_WORDS.values(), "not judged", "tasks"]
    header += [f"average rank, {RANKED_WORDS[metric]}" for metric in by_rank]
    header += ["attribute to train", "to choose", "to predict"]
    said = [PAGE_VERDICTS.format(margin=benchmark.protocol.margin), *family_words(benchmark)]
    left = [text for one in benchmark.ranks for text in left_out_words(one.left_out)]
    said += [ranks_said(one).rstrip(".") for one in benchmark.ranks]
    said += [ASSUMES, *dict.fromkeys(left), *folds_words(benchmark), *chosen_words(benchmark)]
    said += [INTERVALS, DASH]
    title = f"Methods over {counted(len(benchmark.tasks), 'task')}, against {name(benchmark.protocol.reference)}"
    return Table.of(f"{title}, by {RANKED_WORDS[objective]}", header, rows, said, digits=2)


def _needs(needs: Needs | None) -> list[Cell]:
    if needs is None:
        return ["", "", ""]
    asked = needs.attribute_at_train, needs.attribute_at_validation, needs.attribute_at_inference
    return ["yes" if one else "no" for one in asked]


def family_words(benchmark: Benchmark) -> list[str]:
    """Say how many comparisons were made."""
    count = sum(row.against is not None for task in benchmark.tasks for row in task.methods)
    level, chance = percent(benchmark.protocol.confidence), number(count * (1 - benchmark.protocol.confidence), 1)
    facts = {"count": count, "reference": name(benchmark.protocol.reference), "level": level, "chance": chance}
    return [FAMILY.format(**facts)] if count else []


def chosen_words(benchmark: Benchmark) -> list[str]:
    """Say that searches by a number of groups need the attribute on validation, whatever a method needs itself."""
    tuned = any(row.budget for task in benchmark.tasks for row in task.methods)
    searched = str(benchmark.protocol.arguments.get("searched by", benchmark.protocol.objective))
    by_groups = searched.startswith("min_group") or compares_groups(searched)
    what = next((words for metric, words in RANKED_WORDS.items() if metric == searched), searched)
    return [CHOSEN.format(what=what)] if tuned and by_groups else []


def task_place(task: BenchmarkTask) -> str:
    """Name a task: data, groups, model and rows."""
    own = task.split == "test"
    split = [task.split] if task.split != task.dataset else []
    folds = [f"{task.folds} folds" if own else f"models of {task.folds} folds"] if task.folds > 1 else []
    return f"{name(task.name)}: {task.dataset} by {task.attribute}, {', '.join([task.model, *split, *folds])}"


def task_table(benchmark: Benchmark, task: BenchmarkTask) -> Table:
    """Build a row a method: AUC, lowest group and gap with combined intervals, and the verdict."""
    rows, published = list[list[Cell]](), _published(benchmark, task)
    for row in ordered(task, benchmark.protocol.objective):
        numbers = [_marked(row, metric, digits(benchmark)) for metric in RANKED]
        own = [one for one in published if one.method == row.method and one.metric in RANKED]
        beside = ", ".join(_paper(one, PUBLISHED_SHORT[one.metric]) for one in own)
        cells: list[Cell] = [titled(row.method, benchmark), trainings_words(row), *numbers]
        rows.append([*cells, verdict_words(row), beside])
    header = ["method", "trainings", *RANKED_WORDS.values(), f"against {benchmark.protocol.reference}", "published"]
    sizes = f"{number(task.n)} rows, {number(task.positives)} of class {task.positive}" if task.n is not None else ""
    why = {reason: None for row in task.methods for reason in _reasons(row)}
    reference = name(benchmark.protocol.reference)
    said = [*([sizes] if sizes else []), MARKS.format(reference=reference)]
    said += benchmark.protocol.differences if published else []
    level = percent(benchmark.protocol.confidence)
    return Table.of(f"{task_place(task)} [{level} interval]", header, rows, said, why=why, digits=digits(benchmark))


def _marked(row: MethodOnTask, metric: Ranked, places: int) -> str:
    found = change(row, metric)
    return number(row.number(metric).mean, places) + (found.mark if found else "")


def _reasons(row: MethodOnTask) -> list[Reason]:
    """List why numbers of a method lack a value or an interval, under its name."""
    found = [reason for metric in RANKED for reason in row.number(metric).mean.reasons]
    return [Reason(one.kind, one.group or row.method, one.unit, one.count, one.needed) for one in found]


def _published(benchmark: Benchmark, task: BenchmarkTask) -> list[PublishedNumber]:
    return [one for one in benchmark.published if one.task == task.name]


def _paper(one: PublishedNumber, called: str) -> str:
    sd = "" if one.sd != one.sd else f" ± {number(one.sd, 3)}"
    return f"{called} {number(one.value, 3)}{sd}".strip()


def difference_table(benchmark: Benchmark, task: BenchmarkTask) -> Table:
    """Build a row a method compared: paired differences with combined intervals, and the largest fall left open."""
    rows: list[list[Cell]] = []
    for row in ordered(task, benchmark.protocol.objective):
        if row.against is None:
            continue
        falls = [one.fall for one in row.against.groups if one.group not in row.against.excluded]
        changes = [found.found for metric in RANKED if (found := change(row, metric))]
        rows.append([row.method, *changes, max(falls, default=NAN), verdict_words(row)])
    heads = [f"change of {words}" for words in RANKED_WORDS.values()]
    header = ["method", *heads, "largest fall of a group not excluded", "verdict"]
    title = f"Differences to {name(benchmark.protocol.reference)} on the same rows, {name(task.name)}"
    said = ["the verdict rests on the groups' own changes, by intervals that are simultaneous over groups"]
    return Table.of(title, header, rows, said, signed=heads, digits=digits(benchmark))


def published_table(benchmark: Benchmark) -> Table:
    """Build a row a published number of one of our tasks, ours beside it where there is one."""
    rows, tasks = list[list[Cell]](), {task.name: task for task in benchmark.tasks}
    for one in benchmark.published:
        if one.task in tasks:
            found = tasks[one.task].find(one.method)
            ours = _ours(found, one.metric, digits(benchmark)) if found else ""
            rows.append([one.task, one.method, PUBLISHED_SHORT[one.metric], _paper(one, ""), ours, one.source])
    header = ["task", "method", "number", "published", "ours", "source"]
    left = len(benchmark.published) - len(rows)
    said = [*benchmark.protocol.differences, *([ELSEWHERE.format(count=left)] if left else [])]
    return Table.of("Published numbers beside ours", header, rows, said, digits=digits(benchmark))


def _ours(row: MethodOnTask, metric: PublishedMetric, places: int) -> str:
    """Write our number: a mean with its interval, or of a gap at 0.5 with its standard deviation over trainings."""
    ranked = next((one for one in RANKED if one == metric), None)
    if ranked is not None:
        return number(row.number(ranked).mean, places)
    return mean_and_sd(next(cut.gaps[metric] for cut in row.cuts if cut.name == HALF), places)
