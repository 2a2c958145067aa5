"""Reliability by group: what share had the finding among patients with about the same score."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..report.layout import number
from ..report.sheet import BLUE, GREY, NORMAL, PALE, SMALL, bare, column
from .view import View, count

READING = (
    "Patients of a group are sorted by score into sets, a mark each: the mean score (right) and what share really "
    "had the finding (up). On the public page sets are joined until none gives a count of 1 to 10 patients away. "
    "On the dotted line scores mean what they say; below it the model warns too much, above it too little. Bars are "
    "intervals. A few patients a mark make a ragged line in any model, so it does not show miscalibration by itself."
)
PANELS, ACROSS = 9, 3


def reliability_by_group(view: View) -> Figure | None:
    """Draw a small panel for each group; None where the scores are no probabilities or no group has bins."""
    groups = shown(view)
    if not groups:
        return None
    across = min(ACROSS, len(groups))
    down = -(-len(groups) // across)
    figure = column(0.8 + (3.7 / across) * down)
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
    top = limit(groups)
    called = view.called(20, 2)
    for axes, group in zip(panels, groups, strict=False):
        _panel(axes, group, top)
        axes.set_title(f"{called[group['group']]}\nn = {count(group['n'])}", fontsize=SMALL)
    for axes in panels[len(groups) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(groups) - across) : len(groups)]:
        axes.tick_params(labelbottom=True)
    figure.supxlabel("mean score", fontsize=NORMAL)
    figure.supylabel("share with the finding", fontsize=NORMAL)
    return figure


def shown(view: View) -> list[dict[str, Any]]:
    """Return the groups to draw, at most `PANELS`: the largest."""
    drawn = [group for group in view.curves("reliability") if group["bins"]]
    largest = sorted(drawn, key=lambda group: -(group["n"] or 0))[:PANELS]
    return [group for group in drawn if group in largest]


def limit(groups: list[dict[str, Any]]) -> float:
    """Return the end of both axes, the same for every group."""
    ends = [bin_[key] for group in groups for bin_ in group["bins"] for key in ("mean_score", "observed", "high")]
    return min(1.0, 1.05 * max((end for end in ends if end is not None), default=1.0))


def _panel(axes: Axes, group: dict[str, Any], top: float) -> None:
    axes.plot([0, top], [0, top], color=GREY, linewidth=0.9, linestyle=":", gid="calibrated")
    known = [b for b in group["bins"] if None not in (b["mean_score"], b["observed"])]
    for one in known:
        if one["low"] is not None and one["high"] is not None:
            axes.plot([one["mean_score"]] * 2, [one["low"], one["high"]], color=BLUE, linewidth=1, gid="interval")
    places = ([b["mean_score"] for b in known], [b["observed"] for b in known])
    axes.plot(*places, "o-", color=BLUE, markersize=3.5, linewidth=0.8, gid="observed")
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    axes.set_aspect("equal")
    axes.grid(color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    bare(axes)


def alt(view: View) -> str:
    """Describe the panels for a reader who cannot see them."""
    said = []
    for group in shown(view):
        ends = [b for b in group["bins"] if None not in (b["mean_score"], b["observed"])]
        if ends:
            first, last = ends[0], ends[-1]
            each = [f"{number(b['mean_score'], 2)} (observed {number(b['observed'], 2)})" for b in (first, last)]
            said.append(f"{group['group']} from score {' to '.join(each)}")
    return f"Reliability {view.place}, a panel a group: {'; '.join(said)}."
