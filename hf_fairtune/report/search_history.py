"""How the search went: the objective trial by trial, and epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .sheet import BLACK, BLUE, GREEN, GREY, NORMAL, ORANGE, PALE, SMALL, VERMILLION, bare, labels, sheet

READING = (
    "Shows what each trial scored on the validation split and how the best so far grew. The best of many "
    "trials is partly luck, so it overstates what the same model scores on new patients; the test results "
    "do not have that flaw. Trials with different markers ended differently and are not comparable."
)
STATES = {
    "COMPLETE": ("o", BLUE, "complete"),
    "PRUNED": ("v", ORANGE, "pruned (last value)"),
    "FAIL": ("X", VERMILLION, "failed (at its last value, or at the foot)"),
}


def search_history(trials: Sequence[dict[str, Any]], search: dict[str, Any]) -> Figure | None:
    """Draw the objective by trial with the best so far, and by epoch; None without any value."""
    ended = [trial for trial in trials if trial["state"] in STATES]
    if all(last_value(trial) is None for trial in ended):
        return None
    by_epoch = any(len(points(trial)) > 1 for trial in ended)
    figure = sheet(6.4 if by_epoch else 3.6)
    panels = figure.subplots(2 if by_epoch else 1, 1, squeeze=False)[:, 0]
    _by_trial(panels[0], ended, search)
    if by_epoch:
        _by_epoch(panels[1], ended, search)
    figure.align_ylabels()
    return figure


def last_value(trial: dict[str, Any]) -> float | None:
    """Return a trial's objective, or the last one it reported."""
    if trial["value"] is not None:
        return float(trial["value"])
    reported = points(trial)
    return reported[-1][1] if reported else None


def points(trial: dict[str, Any]) -> list[tuple[float, float]]:
    """List (epoch, objective) in order of epochs."""
    return sorted((float(epoch), float(value)) for epoch, value in trial["values"].items() if value is not None)


def best_so_far(trials: Sequence[dict[str, Any]], direction: str) -> list[tuple[int, float]]:
    """List (trial number, best objective of the complete trials up to it)."""
    pick = max if direction == "maximize" else min
    line: list[tuple[int, float]] = []
    for trial in trials:
        if trial["state"] == "COMPLETE" and trial["value"] is not None:
            line.append((trial["number"], pick([trial["value"], *(value for _, value in line[-1:])])))
    return line


def _by_trial(axes: Axes, trials: Sequence[dict[str, Any]], search: dict[str, Any]) -> None:
    line = best_so_far(trials, search["direction"])
    if line:
        last = max(trial["number"] for trial in trials)
        numbers, values = zip(*line, (last, line[-1][1]), strict=True)
        axes.step(numbers, values, where="post", color=GREEN, linewidth=1.6, label="best so far", gid="best-so-far")
    for state, (marker, colour, name) in STATES.items():
        drawn = [(t["number"], last_value(t)) for t in trials if t["state"] == state]
        _scatter(axes, drawn, (marker, colour, name))
    _recipes(axes, trials)
    axes.set_xlabel("trial", fontsize=NORMAL)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(objective_label(search), fontsize=NORMAL)
    axes.margins(y=0.12)
    axes.legend(fontsize=SMALL, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.2), ncols=4)
    bare(axes)


def _scatter(axes: Axes, drawn: list[tuple[int, float | None]], style: tuple[str, str, str]) -> None:
    """Place trials at their values, and those without one at the foot of the panel."""
    marker, colour, name = style
    valued = [(number, value) for number, value in drawn if value is not None]
    empty = [number for number, value in drawn if value is None]
    look: dict[str, Any] = {
        "marker": marker,
        "color": colour,
        "s": 28,
        "edgecolors": "white",
        "linewidths": 0.5,
    }
    if valued:
        axes.scatter(*zip(*valued, strict=True), label=name, gid=f"state-{name.split()[0]}", zorder=3, **look)
    if empty:
        foot = axes.get_xaxis_transform()
        label = None if valued else name
        axes.scatter(empty, [0.03] * len(empty), transform=foot, label=label, gid="no-value", zorder=3, **look)


def _recipes(axes: Axes, trials: Sequence[dict[str, Any]]) -> None:
    """Name the known recipes above the panel, kept apart, each with a line to its point."""
    known = [t for t in trials if t["recipe"]]
    gap = 0.026 * (max((t["number"] for t in trials), default=0) + 1)
    place = float("-inf")
    for trial, name in zip(known, labels([t["recipe"] for t in known], width=24, lines=1), strict=True):
        place = max(trial["number"], place + gap)
        value = last_value(trial)
        at = (trial["number"], 0.03 if value is None else value)
        axes.annotate(
            name,
            xy=at,
            xycoords=axes.get_xaxis_transform() if value is None else "data",
            xytext=(place, 1.02),
            textcoords=axes.get_xaxis_transform(),
            rotation=50,
            fontsize=SMALL,
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5},
        )


def _by_epoch(axes: Axes, trials: Sequence[dict[str, Any]], search: dict[str, Any]) -> None:
    if search["warmup_epochs"] > 0:
        axes.axvspan(0, search["warmup_epochs"], color=PALE, label="learning-rate warm-up", gid="warm-up")
    for trial in trials:
        reported = points(trial)
        if not reported:
            continue
        winner = trial["number"] == search["best_trial"]
        marker, colour, _ = STATES[trial["state"]]
        look: dict[str, Any] = {"color": colour, "linewidth": 0.7, "alpha": 0.55}
        if winner:
            look = {
                "color": BLACK,
                "linewidth": 2.2,
                "zorder": 4,
                "label": f"winner (trial {trial['number']})",
            }
        axes.plot(*zip(*reported, strict=True), gid=f"trial-{trial['number']}", **look)
        if trial["state"] != "COMPLETE":
            axes.plot(*reported[-1], marker=marker, color=colour, markersize=4.5, linestyle="")
    axes.set_xlim(left=0)
    axes.set_xlabel("epoch", fontsize=NORMAL)
    axes.set_ylabel(objective_label(search), fontsize=NORMAL)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=SMALL, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.2), ncols=4)
    bare(axes)


def objective_label(search: dict[str, Any]) -> str:
    """Name the objective for an axis."""
    better = "higher" if search["direction"] == "maximize" else "lower"
    return f"{search['objective']}\n({better} is better)".replace("$", r"\$")


def alt(trials: Sequence[dict[str, Any]], search: dict[str, Any]) -> str:
    """Describe the search for a reader who cannot see the figure."""
    counts = {word: sum(t["state"] == state for t in trials) for state, (_, _, word) in STATES.items()}
    ended = ", ".join(f"{count} {word.split()[0]}" for word, count in counts.items())
    line = best_so_far(trials, search["direction"])
    best = f" The best so far goes from {line[0][1]:.3f} to {line[-1][1]:.3f}." if line else ""
    return f"Objective {search['objective']} by trial and by epoch: {ended}.{best}"
