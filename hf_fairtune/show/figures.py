"""The figures of an audit, for one model and for two: groups, gaps, changes, rates, ROC, reliability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from ..document.audit import GroupAudit, ReliabilityCurve, ThresholdAudit
from ..document.estimate import Estimate, Size, point
from . import drawing as ink
from .drawing import Mark, Panel, Picture, Row, described, draw, labels, paper, tidy
from .view import View
from .words import cut, interval, metric, number, p_value, size

ROWS, MOST, PANELS, ACROSS = 60, 24, 9, 3
# Colour and marker of the model and of its reference.
MODELS = [(ink.BLUE, "o"), (ink.ORANGE, "s")]
MOVES = {
    1: ("rose beyond its interval", ink.BLUE, ">"),
    0: ("open", ink.GREY, "o"),
    -1: ("fell beyond its interval", ink.VERMILLION, "<"),
}
CURVES = [
    (ink.BLUE, "-"),
    (ink.VERMILLION, "--"),
    (ink.GREEN, "-."),
    (ink.ORANGE, (0, (5, 1))),
    (ink.PURPLE, (0, (3, 1, 1, 1))),
    (ink.SKY, "-"),
]


def forest(views: Sequence[View], width: float = ink.COLUMN) -> Picture | None:
    """Draw the AUC of every group, a panel an attribute; None where no group has one."""
    panels: list[Panel] = []
    most = max(6, ROWS // len(views))
    for view in views:
        rows = []
        for groups in _lowest(view, most):
            marks = _marks({t: g.auc for t, g in zip(view.audits, groups, strict=True)}, groups[-1].status != "ok")
            rows.append(Row(groups[-1].group, marks, _sizes(groups[-1].n, groups[-1].positives)))
        title = f"by {view.entry.attribute}" + (f", lowest {most}" if len(view.audit.groups) > most else "")
        remarks = "" if panels else SIZES
        panels.append(Panel(title, rows, f"AUC, bars: {view.level}s", view.audit.auc, remarks))
    if not any(mark.found.defined for panel in panels for row in panel.rows for mark in row.marks):
        return None
    alt = f"AUC with intervals. All rows: {interval(views[0].audit.auc)}. {described(panels)}"
    figure = draw(panels, [ink.LINE, ink.FEW], width)
    return Picture("groups", _titled("AUC of every group", views[0]), figure, alt, FOREST)


FOREST = (
    "Each row is a group. The mark is the AUC: the share of pairs, one patient with the finding and one without, that "
    "the model puts in the right order (1 is perfect, 0.5 is a coin). The bar is its interval; an open mark rests on "
    "few cases. Bars that overlap do not show that two groups or models are equal."
)
SIZES = "rows / with finding"


def _titled(what: str, view: View) -> str:
    return f"{what}, {view.scope}" if view.scope else what


def _sizes(n: Size, positives: Size) -> str:
    return "" if n is None else f"{size(n)} / {size(positives)}"


def _marks(found: Mapping[str, Estimate], hollow: bool = False) -> list[Mark]:
    """Mark an estimate of each model, the reference first; only several models are named."""
    looks = zip(found.items(), reversed(MODELS[: len(found)]), strict=True)
    return [Mark(item, title if len(found) > 1 else "", *look, hollow) for (title, item), look in looks]


def _lowest(view: View, most: int) -> list[tuple[GroupAudit, ...]]:
    """Return the groups to draw, one of each model: all, or the lowest AUCs where there are more than fit."""
    groups = list(zip(*(audit.groups for audit in view.audits.values()), strict=True))
    known = sorted((some for some in groups if some[-1].auc.defined), key=lambda some: some[-1].auc.value)
    return groups if len(groups) <= most else known[:most]


def gaps(views: Sequence[View], width: float = ink.COLUMN) -> Picture | None:
    """Draw the gap of each audit before the gap that chance alone makes; None where none is defined."""
    rows = []
    for view in [view for view in views if view.audit.auc_gap.defined][:MOST]:
        gap = view.audit.auc_gap
        look = ("gap beyond chance", ink.VERMILLION) if gap.value > gap.null_high else ("gap", ink.BLUE)
        rows.append(Row(view.place, [Mark(gap, *look, "D")], p_value(gap.p), (gap.null_mean, gap.null_high)))
    if not rows:
        return None
    panel = Panel("", rows, "gap of AUC, best minus lowest group", remarks="p")
    figure = draw([panel], [ink.CHANCE], width)
    figure.axes[0].set_xlim(left=0)
    return Picture("gaps", _titled("Is the gap more than chance?", views[0]), figure, described([panel], MOST), GAP)


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
            rows += [Row(row.group, _moved(row.auc), _sizes(row.n, row.positives)) for row in found.groups[:MOST]]
            axis = f"change of AUC, {view.title} minus {reference}; bars: paired {view.level}s"
            panels.append(Panel(view.place, rows, axis, point(0.0, ""), SIZES))
    if not panels:
        return None
    alt = f"Paired changes of AUC. {described(panels)}"
    return Picture("changes", f"Change against {reference}", draw(panels, [], width), alt, CHANGE)


CHANGE = (
    "How much AUC each group gained (right of the line) or lost (left) on the same rows, and how far chance alone "
    "could move that change (the bars). A bar across the line leaves both open; it does not show that nothing "
    "changed. A smaller gap that comes from losses is levelling down, not fairness."
)


def _moved(found: Estimate) -> list[Mark]:
    return [Mark(found, *MOVES[int(found.low > 0) - int(found.high < 0)])]


def drawn_threshold(view: View) -> ThresholdAudit | None:
    """Return the shared threshold to draw: the first fitted one that decides something, else the first such."""
    able = [at for at in view.audit.thresholds if not at.degenerate and not at.by_group]
    known = [at for at in able if any(row.rates["tpr"].defined or row.rates["fpr"].defined for row in at.groups)]
    return min(known, key=lambda at: at.fitted_on is None, default=None)


def rates(view: View, width: float = ink.COLUMN) -> Picture | None:
    """Draw the true and the false positive rate of each group at a threshold; None where none decides anything."""
    at = drawn_threshold(view)
    if at is None:
        return None
    cuts, panels = view.cuts(at), []
    for key, title in {"tpr": f"threshold: {cut(at, view.digits)}", "fpr": ""}.items():
        rows = []
        for groups in list(zip(*(one.groups for one in cuts.values()), strict=True))[:MOST]:
            found = {title: row.rates[key] for title, row in zip(cuts, groups, strict=True)}
            rows.append(Row(groups[-1].group, _marks(found)))
        panels.append(Panel(title, rows, metric(key), at.overall.rates[key]))
    figure = draw(panels, [ink.LINE], width, beside=True)
    alt = f"Rates {view.place}. {described(panels)}"
    return Picture("rates", f"One threshold for all, {view.place}", figure, alt, RATES)


RATES = (
    "What one threshold does to each group. Left: the share found of the patients with the finding; a group on the "
    "left is missed more often. Right: the share flagged of the patients without it; a group on the right is alarmed "
    "more often. The dashed line is all rows, bars are intervals. Bars that overlap do not show equality."
)


def roc(view: View) -> Picture | None:
    """Draw the ROC curves of the groups and of all rows; None where no group has one."""
    known = [curve for curve in view.audit.roc if curve.fpr]
    lowest, sizes = view.audit.min_group_auc.group, {row.group: row for row in view.audit.groups}
    first = sorted(known, key=lambda curve: (curve.group != lowest, -_amount(sizes[curve.group].n)))[: len(CURVES)]
    curves = [curve for curve in known if curve in first]
    if not curves:
        return None
    # Room for a square as wide as the column, with its title, axis and a line of the legend a curve.
    figure = paper(4.6 + 0.22 * (len(curves) + 1))
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=ink.GREY, linewidth=0.8, linestyle=":", gid="coin")
    for everyone in view.all_rows.roc if view.all_rows else ():
        axes.plot(everyone.fpr, everyone.tpr, color=ink.BLACK, linewidth=1, label="all rows", gid="all")
    at = drawn_threshold(view)
    places = {row.group: (row.rates["fpr"].value, row.rates["tpr"].value) for row in at.groups} if at else {}
    for (colour, line), curve, name in zip(CURVES, curves, labels([c.group for c in curves], 30), strict=False):
        axes.plot(curve.fpr, curve.tpr, color=colour, linestyle=line, linewidth=1.7, label=name, gid="curve")
        look: dict[str, Any] = {"color": colour, "markeredgecolor": ink.BLACK, "markersize": 7, "zorder": 4}
        axes.plot(*places.get(curve.group, (math.nan, math.nan)), "o", gid="shared-threshold", **look)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set_xlabel(f"{metric('fpr')} (flagged in error)", fontsize=ink.NORMAL)
    axes.set_ylabel(f"{metric('tpr')} (found)", fontsize=ink.NORMAL)
    if at:
        axes.set_title(labels([f"dots: {cut(at, view.digits)}"], 60, 1)[0], fontsize=ink.SMALL, loc="left")
    tidy(axes)
    figure.legend(loc="outside lower center", ncols=1, fontsize=ink.SMALL, frameon=False)
    said = [f"{curve.group} (AUC {number(sizes[curve.group].auc.value)})" for curve in curves]
    return Picture("roc", f"ROC {view.place}", figure, f"ROC curves {view.place}: {'; '.join(said)}.", ROC)


ROC = (
    "Each curve is a group: every point of it is a threshold, with the share of patients with the finding who are "
    "found (up) and of patients without it who are flagged in error (right). Higher is better. The dots are one "
    "threshold for all: where they lie apart, the same cut means another thing to each group. A curve does not show "
    "how sure it is; the tables do."
)


def _amount(value: Size) -> int:
    return value if isinstance(value, int) else 0


def reliability(view: View) -> Picture | None:
    """Draw a small panel a group of scores against outcomes; None where scores are no probabilities."""
    sizes = {row.group: row.n for row in view.audit.groups}
    known = [curve for curve in view.audit.reliability or [] if curve.bins]
    largest = sorted(known, key=lambda curve: -_amount(sizes[curve.group]))[:PANELS]
    curves = [curve for curve in known if curve in largest]
    if not curves:
        return None
    across = min(ACROSS, len(curves))
    down = -(-len(curves) // across)
    figure = paper(0.8 + (3.7 / across) * down)
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
    ends = [end for curve in curves for one in curve.bins for end in (one.mean_score, one.observed, one.high)]
    top = min(1.0, 1.05 * max(end for end in ends if not math.isnan(end)))
    for axes, curve, name in zip(panels, curves, labels([c.group for c in curves], 20, 2), strict=False):
        _reliability(axes, curve, top)
        axes.set_title(f"{name}\nn = {size(sizes[curve.group])}", fontsize=ink.SMALL)
    for axes in panels[len(curves) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(curves) - across) : len(curves)]:
        axes.tick_params(labelbottom=True)
    figure.supxlabel("mean score", fontsize=ink.NORMAL)
    figure.supylabel("share with the finding", fontsize=ink.NORMAL)
    said = [
        f"{c.group} from {number(c.bins[0].mean_score)} (observed {number(c.bins[0].observed)}) to "
        f"{number(c.bins[-1].mean_score)} (observed {number(c.bins[-1].observed)})"
        for c in curves
    ]
    alt = f"Reliability {view.place}, a panel a group: {'; '.join(said)}."
    return Picture("reliability", f"Do scores mean what they say? {view.place}", figure, alt, RELIABILITY)


RELIABILITY = (
    "Patients of a group are sorted by score into sets of equal size, a mark each: the mean score (right) and the "
    "share that had the finding (up). On the dotted line scores mean what they say; below it the model warns too "
    "much, above it too little. Bars are intervals. Few patients a mark make a ragged line in any model, so it does "
    "not show miscalibration by itself."
)


def _reliability(axes: Axes, curve: ReliabilityCurve, top: float) -> None:
    axes.plot([0, top], [0, top], color=ink.GREY, linewidth=0.9, linestyle=":", gid="calibrated")
    for one in curve.bins:
        axes.plot([one.mean_score] * 2, [one.low, one.high], color=ink.BLUE, linewidth=1, gid="interval")
    places = [one.mean_score for one in curve.bins], [one.observed for one in curve.bins]
    axes.plot(*places, "o-", color=ink.BLUE, markersize=3.5, linewidth=0.8, gid="observed")
    axes.set(xlim=(0, top), ylim=(0, top), aspect="equal")
    tidy(axes)
