"""The figures of an audit, for one model and for two: groups, gaps, changes, rates, ROC, reliability."""

import math
from collections.abc import Collection, Iterable, Sequence
from itertools import repeat
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np

from ..document.estimate import Estimate, Size, point
from . import drawing as ink
from .drawing import Mark, Panel, Picture, Row, described, draw, labels, paper, tidy
from .view import View, beside
from .words import listed, metric, number, p_value, threshold

ROWS, MOST, PANELS, ACROSS = 60, 24, 9, 3
SIZES = "rows / with finding"
# Colour and marker of the reference and of the model.
MODELS = ((ink.ORANGE, "s"), (ink.BLUE, "o"))
MOVES = {
    1: ("rose beyond its interval", ink.BLUE, ">"),
    0: ("open", ink.GREY, "o"),
    -1: ("fell beyond its interval", ink.VERMILLION, "<"),
}
COLOURS = (ink.BLUE, ink.VERMILLION, ink.GREEN, ink.ORANGE, ink.PURPLE, ink.SKY)
LINES: tuple[Any, ...] = ("-", "--", "-.", (0, (5, 1)), (0, (3, 1, 1, 1)), "-")
AUC, GROUP, BIN = attrgetter("auc"), attrgetter("group"), attrgetter("mean_score", "observed", "low", "high")


def _sizes(n: Size, positives: Size) -> str:
    return "" if n is None else f"{number(n)} / {number(positives)}"


def _marks(titles: Collection[str], found: Iterable[Estimate]) -> list[Mark]:
    """Mark an estimate of each model, the reference first; only several models are named."""
    marks = []
    for title, item, look in zip(titles, found, MODELS[-len(titles) :], strict=True):
        marks.append(Mark(item, title if len(titles) > 1 else "", *look))
    return marks


def forest(views: Sequence[View], width: float = ink.COLUMN) -> Picture | None:
    """Draw the AUC of every group, a panel an attribute; None where no group has one.

    Of many groups those with the lowest AUC are drawn.
    """
    panels: list[Panel] = []
    most, known = max(6, ROWS // len(views)), False
    for view in views:
        groups, rows = beside(view.audits.values(), "groups"), []
        if len(groups) > most:
            lowest = np.argsort([some[-1].auc.value for some in groups])[:most]
            groups = [groups[place] for place in sorted(lowest)]
        for some in groups:
            row, few = some[-1], some[-1].status != "ok"
            rows.append(Row(row.group, _marks(view.audits, map(AUC, some)), _sizes(row.n, row.positives), few))
            known |= any(map(attrgetter("auc.defined"), some))
        title = f"by {view.attribute}" + (f", lowest {most}" if len(view.audit.groups) > most else "")
        panels.append(Panel(title, rows, f"AUC, bars: {view.level}s", view.audit.auc, "" if panels else SIZES))
    alt = f"AUC with intervals. All rows: {number(views[0].audit.auc)}. {described(panels)}"
    figure = draw(panels, [ink.LINE, ink.FEW], width, digits=views[0].digits)
    return Picture("groups", f"AUC of every group{views[0].scope}", figure, alt, FOREST) if known else None


FOREST = (
    "Each row is a group. The mark is the AUC: the share of pairs, one patient with the finding and one without, that "
    "the model puts in the right order (1 is perfect, 0.5 is a coin). The bar is its interval; an open mark rests on "
    "few cases. Bars that overlap do not show that two groups or models are equal."
)


def gaps(views: Sequence[View]) -> Picture | None:
    """Draw the gap of each audit before the gap that chance alone makes; None where none is defined."""
    rows = []
    for view in views:
        gap = view.audit.auc_gap
        look = ("gap beyond chance", ink.VERMILLION) if gap.value > gap.null_high else ("gap", ink.BLUE)
        row = Row(view.place, [Mark(gap, *look, "D")], p_value(gap.p), chance=(gap.null_mean, gap.null_high))
        rows += [row] if gap.defined else []
    panel = Panel("", rows[:MOST], "gap of AUC, best minus lowest group", remarks="p")
    if not rows:
        return None
    figure = draw([panel], [ink.CHANCE], digits=views[0].digits)
    figure.axes[0].set_xlim(left=0)
    return Picture("gaps", f"Gaps against chance{views[0].scope}", figure, described([panel], MOST), GAP)


GAP = (
    "Best minus lowest AUC over the groups of each attribute. Even if the model served all groups alike, chance alone "
    "would make a gap: 19 times in 20 one inside the grey bar. A mark beyond the grey bar is more than chance "
    "explains; a mark inside does not show that the groups are equal. More groups make a longer grey bar, so gaps of "
    "different attributes are not comparable."
)


def changes(views: Sequence[View], width: float = ink.COLUMN) -> Picture | None:
    """Draw how much each group's AUC changed against the reference; None where nothing was compared."""
    panels, reference = [], ""
    for view in views:
        found, reference = view.comparison, view.reference or reference
        if found is not None:
            rows = [Row("all rows", _moved(found.auc)), Row("lowest group", _moved(found.min_group_auc))]
            for row in found.groups[:MOST]:
                marks = _moved(row.joint if row.joint.defined else row.auc)
                rows.append(Row(row.group, marks, _sizes(row.n, row.positives)))
            axis = f"change of AUC, {view.title} minus {reference}; bars: paired {view.level}s"
            panels.append(Panel(view.place, rows, axis, point(0.0, ""), SIZES))
    if not panels:
        return None
    alt = f"Paired changes of AUC. {described(panels)}"
    figure = draw(panels, [], width, digits=views[0].digits)
    return Picture("changes", f"Change against {reference}", figure, alt, CHANGE)


CHANGE = (
    "How much AUC each group gained (right of the line) or lost (left) on the same rows, and how far chance alone "
    "could move that change (the bars, for groups simultaneous). A bar across the line leaves both open; it does not "
    "show that nothing changed. A smaller gap that comes from losses is levelling down, not fairness."
)


def _moved(found: Estimate) -> list[Mark]:
    return [Mark(found, *MOVES[int(found.low > 0) - int(found.high < 0)])]


def rates(view: View) -> Picture | None:
    """Draw the true and the false positive rate of each group at a threshold; None where none decides anything."""
    place, panels = view.deployed(), list[Panel]()
    if place is None:
        return None
    cuts = beside(view.audits.values(), "thresholds")[place]
    where = threshold(cuts[-1], view.digits if len(cuts) == 1 else None)
    for key in ("tpr", "fpr"):
        rows = []
        for groups in beside(cuts, "groups")[:MOST]:
            found = map(itemgetter(key), map(attrgetter("rates"), groups))
            rows.append(Row(groups[-1].group, _marks(view.audits, found)))
        title = "" if panels else f"threshold: {where}"
        panels.append(Panel(title, rows, metric(key), cuts[-1].overall.rates[key]))
    alt = f"Rates {view.place}. {described(panels)}"
    figure = draw(panels, [ink.LINE], beside=True, digits=view.digits)
    return Picture("rates", f"One threshold for all, {view.place}", figure, alt, RATES)


RATES = (
    "What one threshold does to each group. Left: the share found of the patients with the finding; a group on the "
    "left is missed more often. Right: the share flagged of the patients without it; a group on the right has "
    "more false alarms. The dashed line is all rows, bars are intervals. Bars that overlap do not show equality."
)


def largest(view: View, curves: Sequence[Any], most: int) -> tuple[list[Any], list[Any]]:
    """Return groups and their curves: of many, those of the lowest group and of the largest."""
    rows = dict(zip(map(GROUP, view.audit.groups), view.audit.groups, strict=True))
    lowest = view.audit.min_group_auc.group
    if len(curves) > most:
        sizes = [row.n if isinstance(row.n, int) else 0 for row in (rows[curve.group] for curve in curves)]
        first = np.lexsort((-np.array(sizes), [curve.group != lowest for curve in curves]))[:most]
        curves = [curves[place] for place in sorted(first)]
    return [*map(rows.get, map(GROUP, curves))], list(curves)


def roc(view: View) -> Picture | None:
    """Draw the ROC curves of the groups and of all rows; None where no group has one."""
    groups, curves = largest(view, [*filter(attrgetter("fpr"), view.audit.roc)], len(COLOURS))
    if not curves:
        return None
    # Room for a square as wide as the column, with its title, axis and a line of the legend a curve.
    names = labels([*map(GROUP, groups)], 44)
    figure, place = paper(4.8 + 0.15 * sum(map(str.count, names, repeat("\n"))) + 0.2 * len(curves)), view.deployed()
    axes, said = figure.add_subplot(), []
    dots: dict[str, tuple[float, float]] = {}
    axes.plot([0, 1], [0, 1], color=ink.GREY, linewidth=0.8, linestyle=":", gid="coin")
    for everyone in view.all_rows.roc if view.all_rows else ():
        axes.plot(everyone.fpr, everyone.tpr, color=ink.BLACK, linewidth=1, label="all rows", gid="all")
    if place is not None:
        at = view.audit.thresholds[place]
        for decided in at.groups:
            dots[decided.group] = decided.rates["fpr"].value, decided.rates["tpr"].value
        (title,) = labels([f"dots: {threshold(at, view.digits)}"], 60, 1)
        axes.set_title(title, fontsize=ink.SMALL, loc="left")
    for row, curve, name, colour, line in zip(groups, curves, names, COLOURS, LINES, strict=False):
        axes.plot(curve.fpr, curve.tpr, color=colour, linestyle=line, linewidth=1.7, label=name, gid="curve")
        look: dict[str, Any] = {"color": colour, "markeredgecolor": ink.BLACK, "markersize": 7, "zorder": 4}
        axes.plot(*dots.get(row.group, (math.nan, math.nan)), "o", gid="shared-threshold", **look)
        said.append(f"{row.group} (AUC {number(row.auc.value)})")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set_xlabel(f"{metric('fpr')} (false alarms)", fontsize=ink.NORMAL)
    axes.set_ylabel(f"{metric('tpr')} (found)", fontsize=ink.NORMAL)
    tidy(axes)
    figure.legend(loc="outside lower center", ncols=1, fontsize=ink.SMALL, frameon=False)
    return Picture("roc", f"ROC {view.place}", figure, f"ROC curves {view.place}: {listed(said)}.", ROC)


ROC = (
    "Each curve is a group: every point of it is a threshold, with the share of patients with the finding who are "
    "found (up) and of patients without it who are flagged, false alarms (right). Higher is better. The dots are one "
    "threshold for all: where they lie apart, the same cut means another thing to each group. A curve does not show "
    "how sure it is; the tables do."
)


def reliability(view: View) -> Picture | None:
    """Draw a small panel a group of scores against outcomes; None where scores are no probabilities."""
    groups, curves = largest(view, [*filter(attrgetter("bins"), view.audit.reliability or [])], PANELS)
    if not curves:
        return None
    across = min(ACROSS, len(curves))
    down = -(-len(curves) // across)
    figure, said = paper(0.8 + (4.1 / across) * down), []
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
    names = labels([*map(GROUP, groups)], 20, 3)
    for axes, row, curve, name in zip(panels, groups, curves, names, strict=False):
        mean, observed, low, high = np.array([*map(BIN, curve.bins)]).T
        axes.axline((0, 0), slope=1, color=ink.GREY, linewidth=0.9, linestyle=":", gid="calibrated")
        axes.vlines(mean, low, high, color=ink.BLUE, linewidth=1, gid="interval")
        axes.plot(mean, observed, "o-", color=ink.BLUE, markersize=3.5, linewidth=0.8, gid="observed")
        axes.set_title(f"{name}\n{f'n = {number(row.n)}' if row.n is not None else ''}", fontsize=ink.SMALL)
        tidy(axes)
        ends = f"{number(mean[0])} (observed {number(observed[0])}) to {number(mean[-1])}"
        said.append(f"{row.group} from score {ends} (observed {number(observed[-1])})")
    for axes in panels[len(curves) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(curves) - across) : len(curves)]:
        axes.tick_params(labelbottom=True)
    top = min(1.0, max(panels[0].get_xlim()[1], panels[0].get_ylim()[1]))
    for axes in panels[: len(curves)]:
        axes.set(xlim=(0, top), ylim=(0, top), aspect="equal")
    figure.supxlabel("mean score", fontsize=ink.NORMAL)
    figure.supylabel("share with the finding", fontsize=ink.NORMAL)
    alt = f"Reliability {view.place}, a panel a group: {listed(said, PANELS)}."
    return Picture("reliability", f"Do scores mean what they say? {view.place}", figure, alt, RELIABILITY)


RELIABILITY = (
    "Patients of a group are sorted by score into sets of equal size, a mark each: the mean score (right) and the "
    "share that had the finding (up). On the dotted line scores mean what they say; below it the model warns too "
    "much, above it too little. Bars are intervals. Few patients a mark make a ragged line in any model, so it does "
    "not show miscalibration by itself."
)
