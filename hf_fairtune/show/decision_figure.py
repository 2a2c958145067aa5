"""The figure of decision curves: what the model is worth to each group, against flagging everybody and nobody."""

from operator import attrgetter

import numpy as np

from ..audits.metrics.net_benefit import curve
from . import drawing as ink
from .drawing import Picture, labels, paper, tidy
from .figures import ACROSS, GROUP, PANELS, largest
from .view import View
from .words import listed, number

POINTS = attrgetter("cuts", "tpr", "fpr", "low", "high")
# No axis ends before this cut.
SHORTEST = 0.1


def decision(view: View) -> Picture | None:
    """Draw a small panel a group of net benefit by cut; None where scores are no probabilities."""
    groups, curves = largest(view, [*filter(attrgetter("cuts"), view.audit.decision or [])], PANELS)
    if not curves:
        return None
    across = min(ACROSS, len(curves))
    down = -(-len(curves) // across)
    figure, said, last = paper(1.1 + (3.6 / across if across > 1 else 2.4) * down), [], SHORTEST
    panels = figure.subplots(down, across, squeeze=False, sharex=True).ravel()
    names = labels([*map(GROUP, groups)], 20, 3)
    for axes, row, found, name in zip(panels, groups, curves, names, strict=False):
        cuts, tpr, fpr, low, high = map(np.array, POINTS(found))
        flagged, everybody = np.maximum(tpr, fpr) > 0, np.ones(len(cuts))
        gained, least = curve(tpr, fpr, row.prevalence, cuts), curve(everybody, everybody, row.prevalence, cuts)
        last = max(last, float(cuts[flagged].max(initial=0)))
        if len(low):
            axes.fill_between(cuts, low, high, color=ink.SKY, alpha=0.25, linewidth=0, gid="interval")
        (nobody,) = axes.plot(cuts, 0 * cuts, color=ink.GREY, linewidth=0.9, linestyle=":", gid="nobody")
        (all_,) = axes.plot(cuts, least, color=ink.ORANGE, linewidth=1.2, linestyle="--", gid="everybody")
        (model,) = axes.plot(cuts, gained, color=ink.BLUE, linewidth=1.6, gid="model")
        top = max(float(np.nanmax(gained, initial=0)), float(least.max()), 0.01)
        axes.set_ylim(-0.3 * top, 1.15 * top)
        axes.set_title(f"{name}\n{f'n = {number(row.n)}' if row.n is not None else ''}", fontsize=ink.SMALL)
        tidy(axes)
        useful = cuts[gained > np.maximum(0, least)]
        where = f", from {number(useful[0])} to {number(useful[-1])}" if len(useful) else ""
        said.append(f"{row.group}, above flagging everybody and nobody at {len(useful)} of {len(cuts)} cuts{where}")
    for axes in panels[len(curves) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(curves) - across) : len(curves)]:
        axes.tick_params(labelbottom=True)
    panels[0].set_xlim(0, last)
    figure.supxlabel("cut: flagged from this probability on", fontsize=ink.NORMAL)
    figure.supylabel("net benefit per patient", fontsize=ink.NORMAL)
    key = {"the model": model, "flagging everybody": all_, "flagging nobody": nobody}
    figure.legend([*key.values()], [*key], loc="outside upper center", ncols=3, fontsize=ink.SMALL, frameon=False)
    alt = f"Net benefit by cut {view.place}, a panel a group: {listed(said, PANELS)}."
    return Picture("decision", f"Is acting on the model of use? {view.place}", figure, alt, DECISION)


DECISION = (
    "Net benefit is patients found, less false alarms at the price that the cut stands for: a cut of 0.10 takes nine "
    "false alarms for one patient found. In a group the model is of use at the cuts where its line is above flagging "
    "everybody and above flagging nobody. Heights follow how many of a group have the finding: compare lines within a "
    "panel, not panels. Bands are intervals, at one cut each."
)
