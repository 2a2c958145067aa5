"""ROC curves by group, with where one shared threshold puts each group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..report.layout import number
from ..report.sheet import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    NORMAL,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    SMALL,
    VERMILLION,
    bare,
    column,
    labels,
)
from .view import View, count, informative, title_of

READING = (
    "Each curve is a group: every point of it is a threshold, with the share of patients with the finding who are "
    "found (up) and of patients without it who are flagged in error (right). Higher is better. The dots are one "
    "threshold for all: where they lie apart, the same cut means another thing to each group. "
    "A curve does not show how sure it is - the tables do. On the public page it is drawn through those points only "
    "that give no count of 1 to 10 patients away, straight and so too low between them, and left out without any."
)
STYLES = [
    (BLUE, "-"),
    (VERMILLION, "--"),
    (GREEN, "-."),
    (ORANGE, (0, (5, 1))),
    (PURPLE, (0, (3, 1, 1, 1))),
    (SKY, "-"),
]
Curve = dict[str, Any]


def roc_by_group(view: View) -> Figure | None:
    """Draw the curves of the groups and of all rows; None where no group has one."""
    curves = shown(view)
    if not curves:
        return None
    # Room for a square as wide as the column, with its title, axis and a line of the legend a curve.
    figure = column(4.6 + 0.22 * (len(curves) + 1))
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":", gid="coin")
    for everyone in view.curves("roc", ""):
        axes.plot(everyone["fpr"], everyone["tpr"], color=BLACK, linewidth=1, label="all rows", gid="all")
    cut = informative(view.audit)
    places = [_rates(cut, curve["group"]) for curve in curves]
    for (colour, line), curve, name in zip(STYLES, curves, _names(view, curves), strict=False):
        look: dict[str, Any] = {"color": colour, "linestyle": line, "linewidth": 1.7}
        axes.plot(curve["fpr"], curve["tpr"], label=name, gid="curve", **look)
    for (colour, _), place in zip(STYLES, places, strict=False):
        _dot(axes, place, colour)
    _frame(axes, cut if any(places) else None)
    figure.legend(loc="outside lower center", ncols=1, fontsize=SMALL, frameon=False)
    return figure


def shown(view: View) -> list[Curve]:
    """Return the curves to draw: all, or the group with the lowest AUC and the largest others."""
    drawn = [curve for curve in view.curves("roc") if curve["fpr"]]
    lowest = view.audit["min_group_auc"]["group"]
    first = sorted(drawn, key=lambda curve: (curve["group"] != lowest, -(curve["n"] or 0)))[: len(STYLES)]
    return [curve for curve in drawn if curve in first]


def _names(view: View, curves: Sequence[Curve]) -> list[str]:
    called = view.called(30)
    sizes = [f"{count(c['positives'])} with, {count(c['negatives'])} without" for c in curves]
    return [f"{called[curve['group']]} ({size})" for curve, size in zip(curves, sizes, strict=True)]


def _rates(cut: Curve | None, group: str) -> tuple[float, float] | None:
    rows = [row for row in cut["groups"] if row["group"] == group] if cut else []
    found = [(row["fpr"]["value"], row["tpr"]["value"]) for row in rows]
    return next((pair for pair in found if None not in pair), None)


def _dot(axes: Axes, place: tuple[float, float] | None, colour: str) -> None:
    if place is not None:
        axes.plot(*place, "o", color=colour, markeredgecolor=BLACK, markersize=7, gid="shared-threshold", zorder=4)


def _frame(axes: Axes, cut: Curve | None) -> None:
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal")
    axes.set_xlabel("flagged in error, of those without (FPR)", fontsize=NORMAL)
    axes.set_ylabel("found, of those with the finding (TPR)", fontsize=NORMAL)
    if cut is not None:
        (name,) = labels([f"dots: {title_of(cut)}"], 60, 1)
        axes.set_title(name, fontsize=SMALL, loc="left")
    axes.grid(color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    bare(axes)


def alt(view: View) -> str:
    """Describe the curves for a reader who cannot see them."""
    curves, total = shown(view), len(view.audit["groups"])
    aucs = {row["group"]: row["auc"] for row in view.audit["groups"]}
    said = [f"{curve['group']} (AUC {number(aucs.get(curve['group']))})" for curve in curves]
    part = f", {len(curves)} of {total} groups" if len(curves) < total else ""
    return f"ROC curves {view.place}{part}: {'; '.join(said)}."
