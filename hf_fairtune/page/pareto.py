"""Models in the plane of overall AUC and lowest group's AUC: which are beaten in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..report.layout import number
from ..report.sheet import BLUE, GREY, NORMAL, ORANGE, PALE, SMALL, bare, column, labels
from .view import View

READING = (
    "Right is better for all patients together, up is better for the group served worst. A model with another one "
    "above and to the right of it is beaten in both (hollow). The cross is the audited model's interval; what changed "
    "between two models is told by the paired intervals, which are narrower. Being beaten in the estimate is not yet "
    "shown to be worse, and a lowest group that rose does not show that no group fell."
)


@dataclass(frozen=True)
class Point:
    """A model: its name, overall AUC and lowest group's AUC as estimates; `audited` where it is the audit's own."""

    name: str
    overall: dict[str, Any]
    lowest: dict[str, Any]
    audited: bool


def points(view: View) -> list[Point]:
    """Place the audited model, and every reference at the model minus the paired change."""
    audit = view.audit
    found = view.of("comparisons")
    if not found:
        return []
    placed = [Point(found[0]["model"], audit["auc"], audit["min_group_auc"], True)]
    for one in found:
        overall, lowest = (_minus(audit[key], one[key]) for key in ("auc", "min_group_auc"))
        placed.append(Point(one["reference"], overall, lowest, False))
    return [point for point in placed if None not in (point.overall["value"], point.lowest["value"])]


def _minus(item: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    known = None not in (item["value"], change["value"])
    return {"value": item["value"] - change["value"] if known else None, "low": None, "high": None}


def beaten(point: Point, others: Sequence[Point]) -> bool:
    """Say whether another model is at least as good in both and better in one."""
    mine = (point.overall["value"], point.lowest["value"])
    rest = [(other.overall["value"], other.lowest["value"]) for other in others if other is not point]
    return any(x >= mine[0] and y >= mine[1] and (x, y) != mine for x, y in rest)


def pareto(view: View) -> Figure | None:
    """Draw the models that were compared; None where fewer than two have both numbers."""
    placed = points(view)
    if len(placed) < 2:
        return None
    figure = column(3.8)
    axes = figure.add_subplot()
    for point, name in zip(placed, labels([point.name for point in placed], 24, 2), strict=True):
        _point(axes, point, name, beaten(point, placed))
    axes.set_xlabel("AUC of all rows", fontsize=NORMAL)
    axes.set_ylabel("lowest AUC of a group", fontsize=NORMAL)
    axes.grid(color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(0.2)
    bare(axes)
    figure.legend(loc="outside lower center", ncols=2, fontsize=SMALL, frameon=False)
    return figure


def _point(axes: Axes, point: Point, name: str, hollow: bool) -> None:
    colour, marker = (BLUE, "o") if point.audited else (ORANGE, "s")
    x, y = point.overall["value"], point.lowest["value"]
    if None not in (point.overall["low"], point.overall["high"]):
        axes.plot([point.overall["low"], point.overall["high"]], [y, y], color=GREY, linewidth=1, gid="interval")
    if None not in (point.lowest["low"], point.lowest["high"]):
        axes.plot([x, x], [point.lowest["low"], point.lowest["high"]], color=GREY, linewidth=1, gid="interval")
    look: dict[str, Any] = {"marker": marker, "linestyle": "", "markersize": 8, "color": colour}
    face = "white" if hollow else colour
    label = f"{name}, beaten in both" if hollow else name
    axes.plot(x, y, markerfacecolor=face, label=label, gid="model", zorder=3, **look)


def alt(view: View) -> str:
    """Describe the plane for a reader who cannot see it."""
    placed = points(view)
    said = [
        f"{point.name}: all rows {number(point.overall['value'])}, lowest group {number(point.lowest['value'])}"
        + (", beaten in both" if beaten(point, placed) else "")
        for point in placed
    ]
    return f"Models {view.place}, overall AUC against the lowest group's AUC. {'; '.join(said)}."
