"""The pages of a benchmark: one HTML file that loads nothing, Markdown, and a text for the terminal."""

from collections.abc import Iterator, Sequence

from ..document.benchmark import Benchmark
from ..document.benchmark_task import RANKED, BenchmarkTask
from ..document.comparison import Verdict
from ..errors import plain
from .benchmark_detail_tables import (
    cut_table,
    error_table,
    front_table,
    group_table,
    pair_rank_table,
    rank_table,
    tuning_table,
)
from .benchmark_figures import figure_notes, forest, pareto
from .benchmark_rank_figure import rank_diagram
from .benchmark_search_figures import search_pictures
from .benchmark_tables import difference_table, published_table, summary_table, task_table
from .benchmark_words import RANKED_WORDS, counted
from .drawing import Picture
from .page import FIGURES, TABLES, Drawn, Room, render
from .table import Table, as_text
from .words import SHARING, listed, name

LEADS: dict[Verdict, str] = {
    "better": "better than",
    "gain": "a gain for some group, and harm not excluded for another, against",
    "level-down": "levelling down against",
    "worse": "worse than",
}
LIMITS = (
    "Which method is best in general: a verdict is on these test rows, this model and this budget of tuning, against "
    "one reference.",
    "That methods without a verdict are equal: few cases or few trainings leave most differences open.",
    "What another budget would show: a method with more hyper-parameters needs more trials to be tuned as well.",
    "Another hospital, scanner or population; intervals cover other patients from the same place, and other seeds.",
    "Attributes that are not named here. Within the groups, and for others, a model may be unequal.",
    "That a method is fit for use; no number here is a permission to use a model.",
)


def benchmark_page(benchmark: Benchmark, drawn: Sequence[Picture]) -> str:
    """Write a benchmark as one HTML page of less than 2 MB that loads nothing."""
    tables, figures = Room(TABLES), Room(FIGURES)
    summary, published = tables.tables([summary_table(benchmark)]), tables.tables([published_table(benchmark)])
    firsts = [tables.tables([task_table(benchmark, task)]) for task in benchmark.tasks]
    ranks = tables.tables(rank_tables(benchmark))
    tasks = []
    for task, first in zip(benchmark.tasks, firsts, strict=True):
        tasks.append((name(task.name), first, tables.tables(further_tables(benchmark, task))))
    overview: list[Drawn] = []
    for picture in drawn:
        overview += figures.figures([lambda shown: shown], picture)
    return render(
        "benchmark.html.j2",
        benchmark=benchmark,
        sharing=sharing(benchmark),
        subtitle=subtitle(benchmark),
        lead=lead(benchmark),
        objective=RANKED_WORDS[benchmark.protocol.objective],
        summary=summary[0] if summary else "",
        tasks=tasks,
        published=published[0] if published else "",
        overview=overview,
        notes=figure_notes(benchmark),
        ranks=ranks,
        lost=(figures.refused, tables.refused),
        limits=LIMITS,
    )


def benchmark_markdown(benchmark: Benchmark, drawn: Sequence[Picture]) -> str:
    """Write a benchmark as Markdown, its figures in the folder figures beside it."""
    more = [(name(task.name), [*further_tables(benchmark, task)]) for task in benchmark.tasks]
    return render(
        "benchmark.md.j2",
        benchmark=benchmark,
        sharing=sharing(benchmark),
        subtitle=subtitle(benchmark),
        lead=lead(benchmark),
        summary=summary_table(benchmark),
        tasks=[task_table(benchmark, task) for task in benchmark.tasks],
        published=published_table(benchmark),
        pictures=drawn,
        notes=figure_notes(benchmark),
        ranks=[*rank_tables(benchmark)],
        more=[(title, [table for table in tables if table.rows]) for title, tables in more],
        limits=LIMITS,
    )


def benchmark_text(benchmark: Benchmark) -> str:
    """Lay a benchmark out for a terminal: all methods, then each task."""
    tables = [summary_table(benchmark), *(task_table(benchmark, task) for task in benchmark.tasks)]
    return "\n\n".join([plain(lead(benchmark)), *map(as_text, tables)])


def pictures(benchmark: Benchmark) -> list[Picture]:
    """Draw all figures of a benchmark, those of the objective first."""
    objective = benchmark.protocol.objective
    order = [objective, *(one for one in RANKED if one != objective)]
    ranks = {one.metric: one for one in benchmark.ranks}
    found = [rank_diagram(benchmark, ranks[metric]) for metric in order[:1] if metric in ranks]
    found += [forest(benchmark, task, place) for place, task in enumerate(benchmark.tasks, start=1)]
    found += [pareto(benchmark, "min_group_auc"), pareto(benchmark, "auc_gap")]
    found += [rank_diagram(benchmark, ranks[metric]) for metric in order[1:] if metric in ranks]
    return [one for one in [*found, *search_pictures(benchmark)] if one is not None]


def rank_tables(benchmark: Benchmark) -> Iterator[Table]:
    """Yield the tables of ranks and fronts that have rows."""
    for one in benchmark.ranks:
        yield from filter(lambda table: table.rows, (rank_table(benchmark, one), pair_rank_table(one)))
    yield from filter(lambda table: table.rows, [front_table(benchmark)])


def further_tables(benchmark: Benchmark, task: BenchmarkTask) -> Iterator[Table]:
    """Yield the further tables of a task."""
    yield difference_table(benchmark, task)
    yield group_table(benchmark, task)
    yield error_table(benchmark, task)
    for place in range(len(task.methods[0].cuts)):
        yield cut_table(benchmark, task, place)
    yield tuning_table(benchmark, task)


def subtitle(benchmark: Benchmark) -> str:
    """Say what was compared on what."""
    sets = listed(list(dict.fromkeys(task.dataset for task in benchmark.tasks)), 8, ", ")
    models = listed(list(dict.fromkeys(task.model for task in benchmark.tasks)), 8, ", ")
    methods = counted(len(benchmark.methods), "method")
    return f"{methods} on {counted(len(benchmark.tasks), 'task')} of {sets}, with {models}."


def lead(benchmark: Benchmark) -> str:
    """Say in a sentence or two which methods were better and which levelled down."""
    said = []
    for verdict, words in LEADS.items():
        found: dict[str, int] = {}
        for task in benchmark.tasks:
            for row in task.methods:
                if row.against and row.against.verdict == verdict:
                    found[row.method] = found.get(row.method, 0) + 1
        some = [f"{name(method)} on {count}" for method, count in found.items()]
        said += [f"{words} {name(benchmark.protocol.reference)}: {listed(some, comma=', ')}"] if some else []
    reference = name(benchmark.protocol.reference)
    text = "; ".join(said) or f"on none a method is shown to be better or worse than {reference}"
    return f"Of {counted(len(benchmark.tasks), 'task')}, {text}."


def sharing(benchmark: Benchmark) -> str:
    """Say how much the page tells."""
    return SHARING["rates" if benchmark.shared else None]
