"""The further tables of a benchmark: errors, groups, thresholds, tuning of a task; ranks and fronts of all."""

from ..audits.benchmark_cuts import FITTED
from ..document.benchmark import Benchmark, Ranks
from ..document.benchmark_task import RANKED, BenchmarkTask, CutNumbers
from .benchmark_words import (
    CUT_WORDS,
    DEGENERATE,
    FRONT,
    RANKED_WORDS,
    SEEDS,
    digits,
    left_out_words,
    mean_and_sd,
    ordered,
    ranks_said,
    titled,
)
from .table import Cell, Table
from .words import MISSING, name, number, p_value, written

SHORT = {
    "equalized_odds_difference": "EOddsD[max]",
    "equal_opportunity_difference": "difference of true positive rates",
    "predictive_equality_difference": "of false positive rates",
    "demographic_parity_difference": "of selection rates",
    "balanced_accuracy": "balanced accuracy",
    "selection_rate": "predicted positive",
    "brier": "Brier score",
    "expected_calibration_error": "ECE",
}


def error_table(benchmark: Benchmark, task: BenchmarkTask) -> Table:
    """Build a row a method: standard errors of the means, from training and from the rows."""
    rows: list[list[Cell]] = []
    for row in ordered(task, benchmark.protocol.objective):
        cells: list[Cell] = [titled(row.method, benchmark)]
        for metric in RANKED:
            cells += [row.number(metric).training_error, row.number(metric).sampling_error]
        rows.append(cells)
    heads = [f"{RANKED_WORDS[metric]}, from {source}" for metric in RANKED for source in ("training", "rows")]
    said = ["from training: standard deviation over trainings / square root of their number; from rows: DeLong's"]
    title = f"Standard errors of the means, {name(task.name)}"
    return Table.of(title, ["method", *heads], rows, said, digits=digits(benchmark))


def group_table(benchmark: Benchmark, task: BenchmarkTask) -> Table:
    """Build a row a method: the AUC of every group."""
    rows: list[list[Cell]] = []
    for row in ordered(task, benchmark.protocol.objective):
        rows.append([titled(row.method, benchmark), *(one.auc.mean for one in row.groups)])
    heads = [f"{one.group}, {number(one.n)} rows" if one.n is not None else one.group for one in task.groups]
    said = [f"left out of lowest group and gap: {', '.join(map(name, task.excluded))}"] if task.excluded else []
    title = f"AUC by group, means over trainings, {name(task.name)}"
    return Table.of(title, ["method", *heads], rows, said, digits=digits(benchmark))


def cut_table(benchmark: Benchmark, task: BenchmarkTask, place: int) -> Table:
    """Build a row a method: gaps and rates at a threshold; at the fitted one calibration, too."""
    rows, first = list[list[Cell]](), task.methods[0].cuts[place]
    fitted = first.name == FITTED
    for row in ordered(task, benchmark.protocol.objective):
        numbers = _cut_cells(row.cuts[place], digits(benchmark))
        rest = [mean_and_sd(one, digits(benchmark)) for one in row.measures.values()] if fitted else []
        rows.append([titled(row.method, benchmark), *numbers, *rest])
    heads = [*first.gaps, *first.measures, *(task.methods[0].measures if fitted else ())]
    title = f"At the threshold {first.name}, mean ± sd over trainings, {name(task.name)}"
    header = ["method", *map(SHORT.__getitem__, heads)]
    return Table.of(title, header, rows, [CUT_WORDS, DEGENERATE, SEEDS], digits=digits(benchmark))


def _cut_cells(found: CutNumbers, places: int) -> list[str]:
    mark = f" !{found.degenerate}" if found.degenerate else ""
    gaps = [mean_and_sd(one, places) for one in found.gaps.values()]
    marked = [text if text == MISSING else text + mark for text in gaps]
    return [*marked, *(mean_and_sd(one, places) for one in found.measures.values())]


def tuning_table(benchmark: Benchmark, task: BenchmarkTask) -> Table:
    """Build a row a method: what its search took and chose, and how much it trains."""
    rows: list[list[Cell]] = []
    for row in ordered(task, benchmark.protocol.objective):
        budget = row.budget
        searched: list[Cell] = ["", "", ""]
        if budget is not None:
            searched = [budget.trials, number(budget.seconds / 60, 1), budget.value]
        chosen = ", ".join(f"{key} {written(value)}" for key, value in row.facts.hyperparameters.items())
        cells: list[Cell] = [titled(row.method, benchmark), row.facts.title, *searched]
        minutes = number(row.seconds / 60, 1)
        rows.append([*cells, written(row.learning_rate), chosen, row.trainable_parameters, minutes])
    header = ["method", "title", "trials", "minutes of search", "best value on validation", "learning rate"]
    header += ["hyper-parameters", "parameters trained", "minutes of training"]
    said = ["the best of many trials is partly luck, so its value on validation is too good"]
    return Table.of(f"How methods were tuned, {name(task.name)}", header, rows, said, digits=digits(benchmark))


def rank_table(benchmark: Benchmark, found: Ranks) -> Table:
    """Build a row a method: its rank on every task and on average, 1 the best."""
    order = sorted(range(len(found.methods)), key=lambda place: found.average[place])
    rows: list[list[Cell]] = []
    for place in order:
        own = [number(ranks[place], 1) for ranks in found.by_task]
        rows.append([titled(found.methods[place], benchmark), found.average[place], *own])
    said = [ranks_said(found).rstrip("."), *left_out_words(found.left_out)]
    title = f"Ranks by {RANKED_WORDS[found.metric]}, 1 the best"
    return Table.of(title, ["method", "average", *found.tasks], rows, said, digits=2)


def pair_rank_table(found: Ranks) -> Table:
    """Build Nemenyi's p of every pair of methods; without rows where ranks prove nothing."""
    rows: list[list[Cell]] = []
    if found.state == "tested":
        for method, ps in zip(found.methods, found.p_adjusted, strict=True):
            rows.append([method, *map(p_value, ps)])
    title = f"Nemenyi's p of equal ranks by {RANKED_WORDS[found.metric]}"
    return Table.of(title, ["method", *found.methods], rows)


def front_table(benchmark: Benchmark) -> Table:
    """Build a row a task and pair of numbers: the methods on the front and its hypervolume."""
    rows: list[list[Cell]] = []
    for task in benchmark.tasks:
        for one in task.fronts:
            pair = f"AUC of all rows, {RANKED_WORDS[one.against]}"
            rows.append([task.name, pair, ", ".join(one.methods), one.hypervolume])
    said = [FRONT.format(origin="AUCs of 0.5, or a gap of 0.5")]
    header = ["task", "numbers", "methods on the front", "hypervolume"]
    return Table.of("Fronts", header, rows, said if rows else (), digits=digits(benchmark) + 1)
