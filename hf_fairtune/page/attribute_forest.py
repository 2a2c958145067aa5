"""Forest of the groups of several attributes: AUC with its interval, against the AUC of all rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..report.layout import interval
from ..report.sheet import BLACK, BLUE, GREY, NORMAL, PALE, SMALL, VERMILLION, bare, column, labels
from .view import View, count

READING = (
    "Each row is a group. The mark is the AUC: the share of pairs, one patient with the finding and one without, that "
    "the model puts in the right order (1 is perfect, 0.5 is a coin). The bar is what chance alone leaves open; an "
    "open mark rests on few patients. Bars that overlap do not show that two groups are equal."
)
MOST = 24
Row = dict[str, Any]


def attribute_forest(views: Sequence[View]) -> Figure | None:
    """Draw a block for each attribute; None where no group has an AUC.

    Args:
        views: audits of one target, an attribute each.
    """
    blocks = [(view, shown(view)) for view in views]
    if all(row["auc"] is None for _, rows in blocks for row in rows):
        return None
    figure = column(1.3 + 0.27 * sum(1.2 + len(rows) for _, rows in blocks))
    axes = figure.add_subplot()
    places, names = [], []
    top = 0.0
    for view, rows in blocks:
        _heading(axes, top + 0.75, view.attribute)
        called = view.called(20)
        for row in rows:
            _row(axes, top + 1.6, row)
            places.append(top + 1.6)
            names.append(called[row["group"]])
            top += 1
        top += 1.2
    _frame(axes, top + 0.3, places, names)
    _overall(axes, views[0])
    axes.set_xlabel(f"AUC, bars: {views[0].level} intervals", fontsize=NORMAL)
    figure.legend(handles=_key(blocks), loc="outside lower center", ncols=2, fontsize=SMALL, frameon=False)
    return figure


def shown(view: View) -> list[Row]:
    """Return the groups to draw: all, or the lowest AUCs where there are more than fit."""
    rows = view.audit["groups"]
    if len(rows) <= MOST:
        return list(rows)
    return sorted((row for row in rows if row["auc"] is not None), key=lambda row: row["auc"])[:MOST]


def _heading(axes: Axes, place: float, name: str) -> None:
    (text,) = labels([f"by {name}"], 44, 1)
    look: dict[str, Any] = {"fontsize": SMALL, "fontweight": "bold", "va": "center", "ha": "left"}
    axes.text(0.01, place, text, transform=axes.get_yaxis_transform(), gid="attribute", **look)


def _row(axes: Axes, place: float, row: Row) -> None:
    margin = axes.get_yaxis_transform()
    weak = row["status"] != "ok"
    known = (row["n"], row["positives"]) != (None, None)
    size = f"{count(row['n'])} / {count(row['positives'])}" if known else "withheld"
    look: dict[str, Any] = {"fontsize": SMALL, "va": "center", "gid": "remark"}
    axes.text(1.02, place, size, transform=margin, color=VERMILLION if weak else BLACK, **look)
    if row["auc"] is None:
        return
    if row["auc_low"] is not None and row["auc_high"] is not None:
        axes.plot([row["auc_low"], row["auc_high"]], [place] * 2, color=BLUE, linewidth=1.6, gid="interval")
    face = "white" if weak else BLUE
    axes.plot(row["auc"], place, "o", color=BLUE, markerfacecolor=face, markersize=5.5, gid="estimate")


def _frame(axes: Axes, bottom: float, places: list[float], names: list[str]) -> None:
    axes.set_ylim(bottom, 0)
    axes.set_yticks(places, names, fontsize=SMALL)
    axes.grid(axis="x", color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    head = axes.get_yaxis_transform()
    axes.text(1.02, 0, "n / with finding", transform=head, fontsize=SMALL, va="bottom", color=GREY)
    bare(axes)
    axes.tick_params(axis="y", length=0)


def _overall(axes: Axes, view: View) -> None:
    item = view.audit["auc"]
    if item["low"] is not None and item["high"] is not None:
        axes.axvspan(item["low"], item["high"], color=PALE, zorder=0, gid="overall-interval")
    if item["value"] is not None:
        axes.axvline(item["value"], color=GREY, linewidth=1, linestyle="--", gid="overall")


def _key(blocks: list[tuple[View, list[Row]]]) -> list[Line2D]:
    shown_ = [
        Line2D([], [], color=BLUE, marker="o", markersize=5.5, label="a group"),
        Line2D([], [], color=GREY, linestyle="--", label="all rows"),
    ]
    if any(row["status"] != "ok" and row["auc"] is not None for _, rows in blocks for row in rows):
        look: dict[str, Any] = {"marker": "o", "linestyle": "", "color": BLUE, "markerfacecolor": "white"}
        shown_.append(Line2D([], [], label="few patients", **look))
    return shown_


def alt(views: Sequence[View]) -> str:
    """Describe the forest for a reader who cannot see it."""
    item = views[0].audit["auc"]
    said = [f"AUC of all rows {interval(item['value'], item['low'], item['high'])}"]
    for view in views:
        each = [f"{r['group']} {interval(r['auc'], r['auc_low'], r['auc_high'])}" for r in shown(view)[:12]]
        more = f" and {len(shown(view)) - 12} more groups" if len(shown(view)) > 12 else ""
        said.append(f"by {view.attribute}: {', '.join(each)}{more}")
    return "Forest of AUC with intervals. " + "; ".join(said) + "."
