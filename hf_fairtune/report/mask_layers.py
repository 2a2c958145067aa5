"""Where in the network a repair's mask lets weights move, and what it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .layout import number
from .sheet import BLACK, BLUE, NORMAL, ORANGE, PALE, SMALL, VERMILLION, bare, labels, sheet

READING = (
    "Shows, layer by layer from the image to the decision, by what share of a plain update the mask lets weights move "
    "(left), and the two importances it is made from (right; their scales differ, so compare a layer with other "
    "layers, not blue with orange). The mask compares weights inside one tensor: it does not show that a layer with a "
    "high mask holds the bias, nor how far its weights moved. The classification head is not trained under the mask."
)
IMPORTANCES = {"prediction": ("s", ORANGE, -0.13), "bias": ("o", BLUE, 0.13)}


def mask_layers(rows: Sequence[dict[str, Any]]) -> Figure | None:
    """Draw mask values and mean importances by layer; None without layers.

    Args:
        rows: of the record's `repair.mask.layers`, in the order of the model.
    """
    if not rows:
        return None
    figure = sheet(1.5 + 0.27 * len(rows))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    _masks(left, rows)
    _importances(right, rows)
    left.set_ylim(len(rows) - 0.4, -0.6)
    left.set_yticks(range(len(rows)), labels([row["layer"] for row in rows], 34, 1), fontsize=SMALL)
    figure.legend(loc="outside lower center", ncols=5, fontsize=SMALL, frameon=False)
    return figure


def _masks(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    places = range(len(rows))
    low, width = [row["low"] for row in rows], [row["high"] - row["low"] for row in rows]
    axes.barh(places, width, left=low, height=0.5, color=BLUE, alpha=0.3, label="mask: middle 80 % of weights")
    look: dict[str, Any] = {"linestyle": "", "gid": "median", "marker": "|", "markersize": 10, "markeredgewidth": 2}
    axes.plot([row["median"] for row in rows], places, color=BLACK, label="median", **look)
    look = {"linestyle": "", "gid": "mean", "marker": "D", "markersize": 4.5, "markeredgecolor": "white"}
    axes.plot([row["mean"] for row in rows], places, color=VERMILLION, label="mean", **look)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("mask: share of a plain update", fontsize=NORMAL)
    _grid(axes)


def _importances(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    """Set the mean importance of a weight on a logarithmic axis; a layer without any has no marker."""
    for key, (marker, colour, offset) in IMPORTANCES.items():
        points = [(row[key] / row["parameters"], place + offset) for place, row in enumerate(rows) if row[key] > 0]
        look: dict[str, Any] = {"linestyle": "", "marker": marker, "markersize": 5, "markeredgecolor": "white"}
        values, places = zip(*points, strict=True) if points else ((), ())
        axes.plot(values, places, color=colour, label=f"importance for {key}", gid=key, **look)
    if any(row[key] > 0 for row in rows for key in IMPORTANCES):
        axes.set_xscale("log")
    axes.set_xlabel("mean importance of a weight", fontsize=NORMAL)
    _grid(axes)


def _grid(axes: Axes) -> None:
    axes.grid(axis="x", color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    bare(axes)
    axes.tick_params(axis="y", length=0)


def alt(rows: Sequence[dict[str, Any]]) -> str:
    """Describe the figure for a reader who cannot see it."""
    each = (f"{r['layer']} {number(r['mean'])} ({number(r['low'])} to {number(r['high'])})" for r in rows)
    return f"Mean mask value by layer, with the middle 80 % of its weights: {'; '.join(each)}."
