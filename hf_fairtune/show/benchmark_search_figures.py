"""The figures of a benchmark's searches: the best value so far by trial, and how often a part was trained."""

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..document.benchmark import Benchmark, MaskShares
from ..document.run import MaskBits
from ..document.search import Search
from . import drawing as ink
from .benchmark_figures import MOST, looks, method_key, panels_of
from .drawing import Picture, coarse, labels, paper, tidy
from .mask_figures import FREQUENCY, grid, heat, place_word
from .search_history import best_so_far
from .words import listed, number

# Lines that an eye tells apart; further ones are grey.
COLOURED = 8
TRAJECTORY = (
    "The best value on validation up to each trial, a mean over folds where there are several. A search is worth its "
    "trials only as far as it is above a random one of as many. The best of many trials is partly luck: what holds on "
    "new patients is the test's number, not this one. Of many methods some are grey."
)
SHARED = " Searches of several tasks and folds are counted together; a task of more folds counts more."


def trajectories(benchmark: Benchmark) -> Picture | None:
    """Draw the best value so far of each method's searches, a panel a task and objective; None for no search."""
    found = list[tuple[str, dict[str, np.ndarray]]]()
    for task in benchmark.tasks:
        searched = [row for row in task.methods if row.searches]
        for objective in dict.fromkeys(row.searches[0].objective for row in searched):
            own = {row.method: trajectory(row.searches) for row in searched if row.searches[0].objective == objective}
            lines = {method: line for method, line in own.items() if len(line)}
            found += [(f"{task.name}: {objective}", lines)] if lines else []
    if not found:
        return None
    figure, panels = panels_of(len(found[:MOST]), 2.3, "trial", "best on validation so far")
    styles, said = looks(benchmark), list[str]()
    shown = distinguished(benchmark, {method for _, lines in found for method in lines})
    for axes, (title, lines) in zip(panels, found, strict=False):
        for method, line in lines.items():
            colour, marker = styles[method] if method in shown else (ink.BAND, "")
            look: dict[str, Any] = {"color": colour, "linewidth": 1.3, "zorder": 2 + (method in shown)}
            axes.step(np.arange(len(line)), line, where="post", gid="trajectory", **look)
            axes.plot(len(line) - 1, line[-1], marker, color=colour, markersize=5)
        ends = [f"{method} {number(line[-1])}" for method, line in lines.items()]
        said.append(f"{title}: {listed(ends, comma=', ')}")
        axes.set_title(labels([title], 32, 2)[0], fontsize=ink.SMALL, fontweight="bold", loc="left")
        coarse(axes, "y")
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        tidy(axes)
    method_key(figure, benchmark, shown, styles, "-")
    alt = f"Best value on validation so far by trial; at the end {listed(said)}."
    return Picture("searches", "What the searches found", figure, alt, TRAJECTORY)


def distinguished(benchmark: Benchmark, searched: Collection[str]) -> list[str]:
    """Choose the methods with a colour: the reference, those that search masks, and the next; not many."""
    first = [benchmark.protocol.reference, *(one.method for one in benchmark.masks), *benchmark.methods]
    kept = [one for one in dict.fromkeys(first) if one in searched][:COLOURED]
    return [one for one in benchmark.methods if one in kept]


def trajectory(searches: Sequence[Search]) -> np.ndarray:
    """Average the best value so far over searches by trial number, [n_trials]; NaN until each has a value.

    A search that ended earlier keeps its last value. Empty where none has one.
    """
    lines, most = [], max((len(search.trials) for search in searches), default=0)
    for search in searches:
        line = np.full(most, math.nan)
        for trial, value in best_so_far(search.trials, search):
            line[trial:] = value
        lines.append(line)
    mean = np.mean(lines, axis=0) if lines else np.array([])
    return mean if np.isfinite(mean).any() else np.array([])


def mask_share_figure(found: MaskShares, place: int) -> Picture | None:
    """Draw how often searches trained each part: chosen trials, the best quarter, and all.

    None without any, and where all trained the same parts, as under a given mask.
    """
    parts = [(text, some) for text, some in _parts(found) if some]
    if not parts or {*found.tried} <= {0.0, 1.0}:
        return None
    bits = [0] * len(parts[0][1])
    mask = MaskBits(found.granularity, bits, found.blocks, found.units)
    kinds, _ = grid(mask, bits)
    figure = paper(1.5 + len(parts) * (0.45 + 0.3 * len(kinds)), ink.WIDE)
    panels = list(figure.subplots(len(parts), 1, sharex=True, squeeze=False)[:, 0])
    for axes, (text, shares) in zip(panels, parts, strict=True):
        image = heat(axes, kinds, 100 * grid(mask, shares)[1], text)
    panels[-1].set_xlabel(place_word(mask), fontsize=ink.NORMAL)
    bar = figure.colorbar(image, ax=panels, shrink=0.9, pad=0.02)
    bar.set_label("% that trained it", fontsize=ink.SMALL)
    bar.ax.tick_params(labelsize=ink.SMALL)
    title = f"Parts that {found.method} trained in {found.model}, over {len(found.tasks)} tasks"
    alt = f"{title}: shares by {place_word(mask)} and kind, of {', '.join(text for text, _ in parts)}."
    return Picture(f"masks_{place}", title, figure, alt, FREQUENCY + SHARED)


def _parts(found: MaskShares) -> list[tuple[str, list[float]]]:
    return [
        (f"Chosen, {found.searches} searches", found.chosen),
        ("Best quarter of each search", found.best),
        (f"All {found.trials} finished trials", found.tried),
    ]


def search_pictures(benchmark: Benchmark) -> list[Picture]:
    """Draw all figures of searches."""
    found = [trajectories(benchmark)]
    found += [mask_share_figure(one, place) for place, one in enumerate(benchmark.masks, start=1)]
    return [one for one in found if one is not None]
