"""The critical difference diagram: average ranks of methods, and which of them a test does not tell apart."""

from collections.abc import Sequence

import numpy as np

from ..document.benchmark import Benchmark, Ranks
from . import drawing as ink
from .benchmark_words import RANKED_WORDS, ranks_said, titled
from .drawing import Picture, labels, paper
from .words import number

DIAGRAM = (
    "Methods by their average rank over tasks, the best at the left. Bars join methods whose ranks differ by less "
    "than Nemenyi's critical difference, whose length stands above. "
)


def rank_diagram(benchmark: Benchmark, found: Ranks) -> Picture | None:
    """Draw average ranks after Demsar 2006; None where there is no test of them."""
    if found.state == "untestable":
        return None
    order = np.argsort(found.average, kind="stable").tolist()
    ranks, count = [found.average[place] for place in order], len(order)
    names = labels([titled(found.methods[place], benchmark) for place in order], 28, 1)
    bars = cliques(ranks, found.critical_difference)
    left = (count + 1) // 2
    top, step = 0.8 + 0.22 * len(bars), 0.34
    bottom = top + step * left + 0.1
    figure = paper(1.0 + 0.72 * bottom, ink.WIDE)
    axes = figure.add_subplot()
    axes.set(xlim=(1 - 0.9 * count / 3, count + 0.9 * count / 3), ylim=(bottom, -1.1))
    axes.axis("off")
    axes.plot([1, count], [0, 0], color=ink.BLACK, linewidth=1.2)
    for tick in range(1, count + 1):
        axes.plot([tick, tick], [0, -0.12], color=ink.BLACK, linewidth=1)
        axes.text(tick, -0.2, str(tick), ha="center", va="bottom", fontsize=ink.SMALL)
    length = found.critical_difference
    axes.plot([1, 1 + length], [-0.75, -0.75], color=ink.VERMILLION, linewidth=2, gid="critical-difference")
    words = f"critical difference {number(found.critical_difference)}"
    axes.text(1 + length / 2, -0.82, words, ha="center", va="bottom", fontsize=ink.SMALL, color=ink.VERMILLION)
    for level, (first, last) in enumerate(bars):
        at = 0.3 + 0.22 * level
        ends = [ranks[first] - 0.03, ranks[last] + 0.03]
        axes.plot(ends, [at, at], color=ink.BLACK, linewidth=3.5, solid_capstyle="round", gid="not-told-apart")
    for place, (rank, text) in enumerate(zip(ranks, names, strict=True)):
        near = place < left
        down = top + step * (place if near else count - 1 - place)
        edge = 1 - 0.05 * count if near else count + 0.05 * count
        axes.plot([rank, rank, edge], [0, down, down], color=ink.GREY, linewidth=0.9, zorder=0, gid="method")
        axes.plot(rank, 0, "o", color=ink.BLUE, markersize=5, gid="rank")
        said = f"{text} ({number(rank)}) " if near else f" ({number(rank)}) {text}"
        axes.text(edge, down, said, ha="right" if near else "left", va="center", fontsize=ink.NORMAL)
    title = f"Average ranks by {RANKED_WORDS[found.metric]}"
    alt = f"{title}: {', '.join(f'{titled(found.methods[p], benchmark)} {number(found.average[p])}' for p in order)}."
    return Picture(f"ranks_{found.metric}", title, figure, alt, DIAGRAM + ranks_said(found))


def cliques(ranks: Sequence[float], distance: float) -> list[tuple[int, int]]:
    """Find the longest runs of two or more sorted ranks that lie within a distance: first and last place of each."""
    found: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = max(place for place in range(first, len(ranks)) if ranks[place] - ranks[first] <= distance)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found
