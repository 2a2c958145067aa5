"""The figures of a benchmark's tasks: paired differences to the reference, and fronts of two numbers."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..document.benchmark import Benchmark
from ..document.benchmark_task import RANKED, BenchmarkTask, MethodOnTask, Ranked
from ..document.estimate import point
from . import drawing as ink
from .benchmark_words import RANKED_WORDS, change, digits, ordered, titled, verdict_words
from .drawing import Mark, Panel, Picture, Row, coarse, described, draw, labels, paper, tidy
from .words import listed, name, number, percent

# Panels of a figure; further tasks are in the tables.
MOST, ACROSS = 12, 3
COLOURS = (ink.BLUE, ink.VERMILLION, ink.GREEN, ink.ORANGE, ink.PURPLE, ink.SKY)
MARKERS = "osD^vPX"
MOVES = {
    1: ("better, 0 left out", ink.BLUE, "o"),
    0: ("open", ink.GREY, "o"),
    -1: ("worse, 0 left out", ink.VERMILLION, "s"),
}
FOREST = (
    "How far the mean of each method's trainings is from the reference's on the same rows. Bars hold the variance of "
    "training and of rows. A bar across the line leaves both directions open; it does not show that methods are "
    "equal. "
    "Words at the right are the verdict on the groups, which a number alone does not give: a smaller gap that comes "
    "from losses is levelling down."
)
WITHHELD = "withheld: too few cases"
PARETO = (
    "Each mark is a method, by means over its trainings; up and right is better. Below and left of the line is what "
    "those on it beat in both numbers. Means have intervals, which the tables hold: marks that lie close do not tell "
    "methods apart. A method that levels down may have the smallest gap, and so a place on the line."
)


def looks(benchmark: Benchmark) -> dict[str, tuple[str, str]]:
    """Give every method a colour and a marker, alike in all figures; black stars are the reference."""
    found, others = {}, [one for one in benchmark.methods if one != benchmark.protocol.reference]
    for place, method in enumerate(others):
        found[method] = (
            COLOURS[place % len(COLOURS)],
            MARKERS[(place % len(COLOURS) + place // len(COLOURS)) % len(MARKERS)],
        )
    return {benchmark.protocol.reference: (ink.BLACK, "*")} | found


def forest(benchmark: Benchmark, task: BenchmarkTask, place: int) -> Picture | None:
    """Draw a task's paired differences to the reference, a panel a number; None where nothing was compared."""
    compared = [one for one in ordered(task, benchmark.protocol.objective) if one.against]
    panels = []
    for metric in RANKED:
        last = metric == RANKED[-1]
        rows = [_forest_row(one, metric, last) for one in compared]
        title = "" if any(row.marks[0].found.defined for row in rows) else WITHHELD
        panels.append(Panel(title, rows, RANKED_WORDS[metric], point(0.0, ""), "verdict" if last else ""))
    if not any(row.marks[0].found.defined for panel in panels for row in panel.rows):
        return None
    figure = draw(panels, [], ink.WIDE, beside=True, digits=digits(benchmark))
    title = f"Change against {benchmark.protocol.reference}, {percent(benchmark.protocol.confidence)} intervals"
    alt = f"{title}, {name(task.name)}. {described(panels)}"
    return Picture(f"differences_{place}", f"{title}: {task.name}", figure, alt, FOREST)


def _forest_row(row: MethodOnTask, metric: Ranked, said: bool) -> Row:
    found = change(row, metric)
    assert found is not None
    side = {" +": 1, " -": -1}.get(found.mark, 0)
    return Row(row.method, [Mark(found.found, *MOVES[side])], verdict_words(row) if said else "")


def panels_of(count: int, height: float, across_axis: str, up_axis: str) -> tuple[Figure, list[Axes]]:
    """Return a figure of so many panels, three in a row, each so high in inches, with the outer axes named."""
    across = min(ACROSS, count)
    down = -(-count // across)
    figure = paper(height * down + 0.9, ink.WIDE)
    found = list(figure.subplots(down, across, squeeze=False).ravel())
    for spare in found[count:]:
        spare.set_visible(False)
    for axes in found[max(0, count - across) : count]:
        axes.set_xlabel(across_axis, fontsize=ink.NORMAL)
    for axes in found[:count:across]:
        axes.set_ylabel(up_axis, fontsize=ink.NORMAL)
    return figure, found[:count]


def pareto(benchmark: Benchmark, against: Literal["min_group_auc", "auc_gap"]) -> Picture | None:
    """Draw AUC and a second number of every method, a panel a task, with the front; None where no task has one."""
    found = [(task, one.methods) for task in benchmark.tasks for one in task.fronts if one.against == against]
    found = [(task, on) for task, on in found if on][:MOST]
    if not found:
        return None
    figure, panels = panels_of(len(found), 2.4, RANKED_WORDS["auc"], RANKED_WORDS[against])
    said, shown, styles = [], dict[str, None](), looks(benchmark)
    for axes, (task, on) in zip(panels, found, strict=True):
        shown |= _front(axes, benchmark, task, on, against)
        said.append(f"{name(task.name)}: {listed(on, comma=', ')}")
    order = [method for method in benchmark.methods if method in shown]
    method_key(figure, benchmark, order, styles)
    title = f"AUC and {RANKED_WORDS[against]}"
    alt = f"{title} of each method, a panel a task. On the front: {listed(said, MOST)}."
    return Picture(f"front_{against}", title, figure, alt, PARETO)


def method_key(
    figure: Figure,
    benchmark: Benchmark,
    methods: Sequence[str],
    styles: dict[str, tuple[str, str]],
    line: Literal["", "-"] = "",
) -> None:
    """Name the methods below a figure by their colour and marker."""
    handles = []
    for method in methods:
        colour, marker = styles[method]
        handles.append(Line2D([], [], color=colour, marker=marker, linestyle=line, markersize=6))
    texts = labels([titled(method, benchmark) for method in methods], 34, 2)
    figure.legend(handles, texts, loc="outside lower center", ncols=3, fontsize=ink.SMALL, frameon=False)


def _front(
    axes: Axes, benchmark: Benchmark, task: BenchmarkTask, on: Sequence[str], against: Ranked
) -> dict[str, None]:
    """Draw the methods of a task and their front; return those drawn."""
    drawn, styles, places = dict[str, None](), looks(benchmark), list[tuple[float, float]]()
    for row in task.methods:
        at = row.auc.mean.value, row.number(against).mean.value
        if row.complete and not np.isnan(at).any():
            colour, marker = styles[row.method]
            size = 10 if marker == "*" else 6
            axes.plot(*at, marker, color=colour, markersize=size, markeredgecolor="white", zorder=3, gid="method")
            drawn[row.method] = None
            places += [at] if row.method in on else []
    axes.plot(*zip(*sorted(places), strict=True), color=ink.GREY, lw=1, ls="--", ds="steps-pre", gid="front")
    axes.set_title(labels([f"{task.name}"], 32, 2)[0], fontsize=ink.SMALL, fontweight="bold", loc="left")
    axes.margins(0.12)
    for along in ("x", "y"):
        coarse(axes, "x" if along == "x" else "y")
    if against == "auc_gap":
        axes.invert_yaxis()
    tidy(axes)
    return drawn


def figure_notes(benchmark: Benchmark) -> list[str]:
    """Say which tasks have no place in figures of a panel a task."""
    left = len(benchmark.tasks) - MOST
    return (
        [f"Figures of fronts and searches hold the first {MOST} tasks; {number(left)} more are in the tables."]
        if left > 0
        else []
    )
