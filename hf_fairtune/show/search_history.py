"""How a search went: the objective trial by trial, and epoch by epoch or fold by fold."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..document.search import Search, Trial
from . import drawing as ink
from .drawing import Picture, coarse, labels, paper, tidy
from .words import SEARCHED_ON, number

INFEASIBLE = "INFEASIBLE"
STATES = {
    "COMPLETE": ("o", ink.BLUE, "complete"),
    "PRUNED": ("v", ink.ORANGE, "pruned"),
    "FAIL": ("X", ink.VERMILLION, "failed"),
    INFEASIBLE: ("D", ink.GREY, "infeasible"),
}
READING = (
    "What each trial scored {where}, at its last {step} if it was stopped, and how the best so far grew; a trial "
    "without a value lies at the foot. The best of many trials is partly luck, so it overstates what the same model "
    "scores on new patients; the test results do not have that flaw. Trials with different markers ended differently "
    "and are not comparable."
)
BY_FOLD = (
    " After each fold a trial has one more model, and its value is of all rows up to there: lines may be compared at "
    "one fold, and no line shows a model that gets better."
)
CANNOT_WIN = " An infeasible trial missed a floor, such as that of the AUC, and cannot win."


def search_history(search: Search) -> Picture | None:
    """Draw the objective by trial with the best so far, and by epoch; None without any value."""
    ended = [trial for trial in search.trials if ending(trial) in STATES]
    if all(math.isnan(last_value(trial)) for trial in ended):
        return None
    by_step = any(len(points(trial)) > 1 for trial in ended)
    figure = paper(6.4 if by_step else 3.6, ink.WIDE)
    panels = figure.subplots(2 if by_step else 1, 1, squeeze=False)[:, 0]
    _by_trial(panels[0], ended, search)
    if by_step:
        _by_step(panels[1], ended, search)
    better = "higher" if search.direction == "maximize" else "lower"
    for axes in panels:
        axes.set_ylabel(f"{search.objective}\n({better} is better)".replace("$", r"\$"), fontsize=ink.NORMAL)
        axes.legend(fontsize=ink.SMALL, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.2), ncols=4)
        coarse(axes, "y")
        tidy(axes)
    figure.align_ylabels()
    counted = Counter(map(ending, ended))
    shown = [state for state in STATES if state != INFEASIBLE or counted[state]]
    counts = (f"{counted[state]} {STATES[state][2]}" for state in shown)
    line = best_so_far(ended, search)
    best = f" The best so far goes from {number(line[0][1])} to {number(line[-1][1])}." if line else ""
    alt = f"Objective {search.objective} by trial and by {step_of(search)}: {', '.join(counts)}.{best}"
    said = READING.format(where=SEARCHED_ON[search.folds > 0], step=step_of(search))
    said += BY_FOLD * bool(search.folds) + CANNOT_WIN * bool(counted[INFEASIBLE])
    return Picture("search_history", "Search", figure, alt, said)


def ending(trial: Trial) -> str:
    """Return the key of `STATES` for how a trial ended; one that has not is in none."""
    return INFEASIBLE if trial.infeasible else trial.state


def step_of(search: Search) -> str:
    """Return after what trials report."""
    return "fold" if search.folds else "epoch"


def points(trial: Trial) -> list[tuple[float, float]]:
    """List (step, objective) in order of steps."""
    return sorted((float(step), value) for step, value in trial.values.items() if not math.isnan(value))


def last_value(trial: Trial) -> float:
    """Return a trial's objective, or the last one it reported; NaN without any."""
    reported = points(trial)
    return reported[-1][1] if math.isnan(trial.value) and reported else trial.value


def best_so_far(trials: Sequence[Trial], search: Search) -> list[tuple[int, float]]:
    """List (trial number, best objective of the complete and feasible trials up to it)."""
    done = [trial for trial in trials if ending(trial) == "COMPLETE" and not math.isnan(trial.value)]
    best = accumulate([trial.value for trial in done], max if search.direction == "maximize" else min)
    return list(zip([trial.number for trial in done], best, strict=True))


def _by_trial(axes: Axes, trials: Sequence[Trial], search: Search) -> None:
    line = best_so_far(trials, search)
    if line:
        numbers, values = zip(*line, (trials[-1].number, line[-1][1]), strict=True)
        axes.step(
            numbers, values, where="post", color=ink.GREEN, linewidth=1.6, label="best so far", gid="best-so-far"
        )
    for state, (marker, colour, word) in STATES.items():
        ended = [trial for trial in trials if ending(trial) == state]
        look: dict[str, Any] = {"marker": marker, "color": colour, "s": 28, "edgecolors": "white", "linewidths": 0.5}
        known = [trial for trial in ended if not math.isnan(last_value(trial))]
        places = [trial.number for trial in known], [last_value(trial) for trial in known]
        axes.scatter(*places, label=word if known else None, gid=f"state-{word}", zorder=3, **look)
        foot = [trial.number for trial in ended if trial not in known]
        at = axes.get_xaxis_transform()
        axes.scatter(foot, [0.03] * len(foot), transform=at, gid=f"no-value-{word}", zorder=3, **look)
    _presets(axes, [trial for trial in trials if trial.preset], len(trials))
    axes.set_xlabel("trial", fontsize=ink.NORMAL)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(y=0.12)


def _presets(axes: Axes, trials: Sequence[Trial], every: int) -> None:
    """Name the preset masks above the panel, kept apart, each with a line to its point."""
    place, arrow = -math.inf, {"arrowstyle": "-", "color": ink.GREY, "linewidth": 0.5}
    for trial, name in zip(trials, labels([str(trial.preset) for trial in trials], 24, 1), strict=True):
        place, value = max(trial.number, place + 0.026 * every), last_value(trial)
        above, here = axes.get_xaxis_transform(), (trial.number, 0.03 if math.isnan(value) else value)
        held: dict[str, Any] = {"xycoords": above if math.isnan(value) else "data", "textcoords": above}
        axes.annotate(name, here, (place, 1.02), rotation=50, fontsize=ink.SMALL, arrowprops=arrow, **held)


def _by_step(axes: Axes, trials: Sequence[Trial], search: Search) -> None:
    if search.warmup_epochs > 0:
        axes.axvspan(0, search.warmup_epochs, color=ink.PALE, label="learning-rate warm-up", gid="warm-up")
    for trial in filter(points, trials):
        marker, colour, _ = STATES[ending(trial)]
        look: dict[str, Any] = {"color": colour, "linewidth": 0.7, "alpha": 0.55}
        if trial.number == search.best_trial:
            look = {"color": ink.BLACK, "linewidth": 2.2, "zorder": 4, "label": f"winner (trial {trial.number})"}
        axes.plot(*zip(*points(trial), strict=True), gid=f"trial-{trial.number}", **look)
        if ending(trial) != "COMPLETE":
            axes.plot(*points(trial)[-1], marker, color=colour, markersize=4.5)
    axes.set_xlim(left=0)
    axes.set_xlabel(step_of(search), fontsize=ink.NORMAL)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
