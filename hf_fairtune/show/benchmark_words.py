"""What a benchmark says in words: numbers and standings by name, what ranks show, what the reader must know."""

from collections.abc import Sequence
from typing import NamedTuple

from ..document.benchmark import Benchmark, LeftOut, LeftOutBecause, Ranks
from ..document.benchmark_task import BenchmarkTask, MethodOnTask, OverSeeds, Ranked, Standing
from ..document.comparison import Verdict
from ..document.estimate import Estimate
from .words import MISSING, listed, name, number, p_value

RANKED_WORDS: dict[Ranked, str] = {
    "auc": "AUC of all rows",
    "min_group_auc": "lowest group's AUC",
    "auc_gap": "gap of AUC",
}
VERDICT_WORDS: dict[Verdict, str] = {
    "better": "better",
    "gain": "gain, harm not excluded",
    "not shown": "not shown",
    "level-down": "levelled down",
    "worse": "worse",
}
STANDING_WORDS: dict[Standing, str] = {
    "reference": "reference",
    "compared": "compared",
    "few trainings": "not judged: fewer than 3 trainings say nothing of a method",
    "incomplete": "not judged: trainings are missing",
    "no scores": "no scores",
    "no reference": "not judged: the reference lacks trainings",
}
LEFT_OUT_WORDS: dict[LeftOutBecause, str] = {
    "not in every task": "was not run on task {task}",
    "missing trainings": "lacks {count} trainings on task {task}",
    "undefined": "has no such number on task {task}",
    "undefined for all": "task {task}: no method has such a number",
    "few cases": "task {task}: withheld, as fewer than 10 cases of a class are in a group it rests on",
}
PAGE_VERDICTS = (
    "better: some group's AUC rose beyond its interval, and of no group a fall beyond the margin of {margin:g} is "
    "left open; gain, harm not excluded: some group's rose, but another's fell, or may have fallen beyond the margin; "
    "levelled down: some group's fell and none's rose, while the gap shrank; worse: the same without a smaller gap; "
    "not shown: no group's interval leaves 0 out, which does not show that methods are equal"
)
INTERVALS = (
    "intervals hold the variance of training and of test rows; rows are those of one test set, so they say nothing of "
    "another hospital"
)
MARKS = (
    "+ and -: the paired difference to {reference} leaves 0 out, to the better and to the worse; the highest number "
    "is not marked, as being highest shows nothing"
)
FAMILY = (
    "{count} comparisons with {reference} were made, each at {level} by itself: were all methods alike, "
    "{chance} of each number would be marked by chance on average"
)
FOLDS = (
    "{names}: AUCs are means over {folds} test folds, each row ranked among those of its fold; the models of the "
    "folds share training rows, so folds are no repeated trainings, and a seed's models of all folds are one training"
)
REPEATED = (
    "{names}: every fold's model scored all rows; AUCs are means over the models of {folds} folds, which share "
    "training rows, so a seed's models of all folds are one training"
)
SEEDS = "sd: standard deviation over trainings, of training alone; it tells nothing of other test rows"
DEGENERATE = (
    "!n: in n of the trainings some group is predicted positive in fewer than 1 % or more than 99 %, so that a small "
    "difference shows that the model decides nothing, not that it treats groups alike"
)
CUT_WORDS = (
    "EOddsD[max]: the larger of the differences of true and false positive rates between groups; at 0.5 all numbers "
    "depend on the prevalence that a model was trained for"
)
ASSUMES = (
    "Friedman's test takes tasks for independent draws from those one cares about, and its p holds for many of them; "
    "tasks that differ by the attribute alone share their images, and test sets of one task its models, so these are "
    "not independent; ranks take no notice of how sure a number is"
)
FRONT = (
    "a method is on the front if no other is at least as good in both numbers and better in one, by means over "
    "trainings: it may be there by chance; the hypervolume is the area between the front and {origin}"
)
DASH = "a dash: undefined, missing or withheld, as it rests on fewer than 10 cases of a class"


class Change(NamedTuple):
    """A paired difference, and which sign of it is good."""

    found: Estimate
    good: int

    @property
    def mark(self) -> str:
        """Return + or - where the interval leaves 0 out, to the better or to the worse."""
        side = int(self.found.low > 0) - int(self.found.high < 0)
        return {0: "", 1: " +", -1: " -"}[side * self.good]


def change(row: MethodOnTask, metric: Ranked) -> Change | None:
    """Return the difference of a method to the reference; None where it was not compared."""
    if row.against is None:
        return None
    parts = {"auc": row.against.auc, "min_group_auc": row.against.min_group_auc, "auc_gap": row.against.auc_gap}
    return Change(parts[metric].change.mean, -1 if metric == "auc_gap" else 1)


def digits(benchmark: Benchmark) -> int:
    """Return with how many decimals numbers are written."""
    return 2 if benchmark.shared else 3


def mean_and_sd(found: OverSeeds, places: int) -> str:
    """Write mean ± standard deviation over trainings; the mean alone of one."""
    mean = number(found.mean, places)
    return mean if mean == MISSING or found.sd != found.sd else f"{mean} ± {number(found.sd, places)}"


def verdict_words(row: MethodOnTask) -> str:
    """Word the verdict on a method, or why there is none."""
    if row.against is not None:
        return VERDICT_WORDS[row.against.verdict]
    why = f": {row.lacking}" if row.missing and row.lacking else ""
    return STANDING_WORDS[row.standing] + why


def trainings_words(row: MethodOnTask) -> str:
    """Say how many trainings have scores."""
    every = len(row.seeds)
    return f"{every - row.missing} of {every}" if row.missing else str(every)


def counted(count: int, what: str) -> str:
    """Write how many there are of something."""
    return f"{count} {what}{'s' * (count != 1)}"


def titled(method: str, benchmark: Benchmark) -> str:
    """Name a method, and mark the reference."""
    return f"{method} (reference)" if method == benchmark.protocol.reference else method


def ordered(task: BenchmarkTask, metric: Ranked) -> list[MethodOnTask]:
    """Order the methods of a task by the protocol's objective, the best first, those without it last."""
    sign = 1 if metric == "auc_gap" else -1

    def key(row: MethodOnTask) -> tuple[bool, float]:
        mean = row.number(metric).mean
        return (not mean.defined, sign * mean.value if mean.defined else 0.0)

    return sorted(task.methods, key=key)


def ranks_said(found: Ranks) -> str:
    """Say what a test of ranks shows, and whether it proves anything."""
    what = RANKED_WORDS[found.metric]
    tasks = f"{counted(len(found.tasks), 'task')} on {counted(found.datasets, 'data set')}"
    if found.state == "untestable":
        compared = f"{counted(len(found.methods), 'method')} on {tasks}"
        return f"Ranks by {what}, {compared}, prove nothing: the test needs 3 methods and 2 tasks."
    result = f"Friedman's p is {p_value(found.p)} ({number(found.friedman)}; {len(found.methods)} methods, {tasks})"
    distance = f"Nemenyi's critical difference of average ranks is {number(found.critical_difference)}"
    if found.state == "few":
        return f"Ranks by {what} prove nothing, with fewer than 10 data sets: {result}; {distance}."
    shown = (
        "methods do not all rank alike"
        if found.p < 1 - found.confidence
        else "no difference of ranks is shown, so none of a pair either"
    )
    return f"By {what} {shown}: {result}; {distance}."


def left_out_words(found: Sequence[LeftOut]) -> list[str]:
    """Say which methods and tasks take no part in ranks, and why."""
    said = []
    for one in found:
        text = LEFT_OUT_WORDS[one.because].format(task=name(one.task), count=one.count)
        said.append(f"left out of ranks: {f'{name(one.method)} ' if one.method is not None else ''}{text}")
    return said


def folds_words(benchmark: Benchmark) -> list[str]:
    """Say what folds are where some task has them, and on a test set that the models of all folds scored."""
    found: dict[tuple[str, int], list[str]] = {}
    for task in benchmark.tasks:
        if task.folds > 1:
            found.setdefault((FOLDS if task.split == "test" else REPEATED, task.folds), []).append(name(task.name))
    return [said.format(names=listed(names, comma=", "), folds=folds) for (said, folds), names in found.items()]
