"""Gap between the best and the worst group of each attribute, before the gap that chance alone makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..report.layout import interval, number
from ..report.sheet import BLUE, GREY, NORMAL, PALE, SMALL, VERMILLION, bare, column, labels
from .view import View, chance_is_withheld, probability

READING = (
    "Best minus lowest AUC over the groups of each attribute. Even if the model served all groups alike, chance "
    "alone would give a gap: 19 times in 20 one inside the grey bar. A mark beyond the grey bar is more than chance "
    "explains; a mark inside does not show that the groups are equal. More groups make a longer grey bar, so gaps of "
    "different attributes are not to be compared with each other."
)
BAND = "#C9C9C9"
MOST = 24


def gap_band(views: Sequence[View]) -> Figure | None:
    """Draw a row for each audit whose gap is defined; None where none is."""
    known = shown(views)
    if not known:
        return None
    figure = column(1.35 + 0.42 * len(known))
    axes = figure.add_subplot()
    for place, view in enumerate(known):
        _row(axes, place, view.audit["auc_gap"])
    axes.set_yticks(range(len(known)), labels([view.place for view in known], 22, 2), fontsize=SMALL)
    axes.set_ylim(len(known) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.margins(x=0.08)
    axes.set_xlabel("gap of AUC, best minus lowest group", fontsize=NORMAL)
    axes.grid(axis="x", color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.text(1.02, -0.5, "p", transform=axes.get_yaxis_transform(), fontsize=SMALL, va="bottom", color=GREY)
    bare(axes)
    axes.tick_params(axis="y", length=0)
    figure.legend(handles=_key(), loc="outside lower center", ncols=2, fontsize=SMALL, frameon=False)
    return figure


def shown(views: Sequence[View]) -> list[View]:
    """Return the audits to draw: those with a gap and what chance makes of it, if not withheld; at most `MOST`."""
    gaps = [(view, view.audit["auc_gap"]) for view in views]
    return [view for view, gap in gaps if gap["value"] is not None and not chance_is_withheld(gap)][:MOST]


def beyond(gap: dict[str, Any]) -> bool:
    """Say whether a gap lies above what chance makes in 19 of 20 draws."""
    return gap["null_high"] is not None and gap["value"] > gap["null_high"]


def _row(axes: Axes, place: int, gap: dict[str, Any]) -> None:
    if gap["null_high"] is not None:
        axes.barh(place, gap["null_high"], height=0.62, color=BAND, gid="chance")
    if gap["null_mean"] is not None:
        axes.plot([gap["null_mean"]] * 2, [place - 0.31, place + 0.31], color=GREY, linewidth=1.2, gid="chance-mean")
    colour = VERMILLION if beyond(gap) else BLUE
    if gap["low"] is not None and gap["high"] is not None:
        axes.plot([gap["low"], gap["high"]], [place] * 2, color=colour, linewidth=1.6, gid="interval")
    axes.plot(gap["value"], place, "D", color=colour, markersize=6, gid="estimate")
    p = probability(gap.get("p"))
    axes.text(1.02, place, p, transform=axes.get_yaxis_transform(), fontsize=SMALL, va="center", gid="remark")


def _key() -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=VERMILLION, marker="D", label="gap, beyond chance"),
        Line2D([], [], color=BLUE, marker="D", label="gap, chance can explain it"),
        Patch(color=BAND, label="chance alone, 19 of 20 times"),
        Line2D([], [], color=GREY, marker="|", linestyle="", markersize=9, label="chance alone, on average"),
    ]


def alt(views: Sequence[View]) -> str:
    """Describe the figure for a reader who cannot see it."""
    said = []
    for view in shown(views):
        gap = view.audit["auc_gap"]
        found = interval(gap["value"], gap["low"], gap["high"])
        chance = f"chance alone up to {number(gap['null_high'])}, p {probability(gap.get('p'))}"
        said.append(f"{view.place}: {found}, {chance}")
    return "Gap of AUC against chance. " + "; ".join(said) + "."
