"""Sensitivity and false positive rate of each group at one threshold."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..report.layout import estimate
from ..report.sheet import BLUE, GREY, NORMAL, PALE, SMALL, VERMILLION, bare, column, labels
from .view import View, informative, title_of

READING = (
    "What one threshold does to each group. Left: the share found of the patients who have the finding; a group on "
    "the left is missed more often. Right: the share flagged in error of those who have not; a group on the right is "
    "alarmed more often. The dashed line is all rows, bars are intervals. Bars that overlap do not show equality."
)
MOST = 24
SIDES = {"tpr": ("found (sensitivity)", BLUE), "fpr": ("flagged in error (FPR)", VERMILLION)}


def rates_by_group(view: View) -> Figure | None:
    """Draw both rates of each group, at the threshold that tells most; None where none decides anything."""
    cut = informative(view.audit)
    rows = shown(cut)
    if cut is None or not rows:
        return None
    figure = column(1.35 + 0.27 * len(rows))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (key, (name, colour)) in zip(panels, SIDES.items(), strict=True):
        _panel(axes, [row[key] for row in rows], cut["overall"][key], colour)
        axes.set_xlabel(name, fontsize=NORMAL)
    called = view.called(20)
    panels[0].set_yticks(range(len(rows)), [called[row["group"]] for row in rows], fontsize=SMALL)
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    figure.suptitle(_title(cut), fontsize=SMALL, x=0.01, ha="left")
    return figure


def shown(cut: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the groups to draw: those with a rate, the least found first where there are more than fit."""
    rows = cut["groups"] if cut else []
    known = [row for row in rows if any(row[key]["value"] is not None for key in SIDES)]
    if len(known) <= MOST:
        return known
    found = [row for row in known if row["tpr"]["value"] is not None]
    return sorted(found, key=lambda row: row["tpr"]["value"])[:MOST]


def _title(cut: dict[str, Any]) -> str:
    return labels([f"threshold: {title_of(cut)}"], 60, 1)[0]


def _panel(axes: Axes, items: list[dict[str, Any]], overall: dict[str, Any], colour: str) -> None:
    if overall["value"] is not None:
        axes.axvline(overall["value"], color=GREY, linewidth=1, linestyle="--", gid="overall")
    for place, item in enumerate(items):
        if item["value"] is None:
            continue
        if item["low"] is not None and item["high"] is not None:
            axes.plot([item["low"], item["high"]], [place] * 2, color=colour, linewidth=1.6, gid="interval")
        axes.plot(item["value"], place, "o", color=colour, markersize=5, gid="estimate")
    axes.set_xlim(-0.02, 1.02)
    axes.grid(axis="x", color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    bare(axes)
    axes.tick_params(axis="y", length=0)


def alt(view: View) -> str:
    """Describe the rates for a reader who cannot see them."""
    cut = informative(view.audit)
    if cut is None:
        return "No threshold decides anything."
    rows = shown(cut)
    each = [f"{r['group']} found {estimate(r['tpr'])}, flagged in error {estimate(r['fpr'])}" for r in rows[:12]]
    more = f"; and {len(rows) - 12} more" if len(rows) > 12 else ""
    return f"Rates {view.place}, {_title(cut)}: {'; '.join(each)}{more}."
