"""Forest of groups: AUC with its interval, models side by side."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .layout import interval
from .models import BASELINE, FULL, group_names, group_rows, title
from .sheet import BLACK, BLUE, GREY, NORMAL, ORANGE, PALE, SMALL, VERMILLION, bare, labels, sheet

READING = (
    "Shows how well each model ranks patients with the finding above those without, in each group, and how far "
    "chance alone could move that number (the bars). Bars that overlap do not show that two models or groups are "
    "equal, and a high AUC does not show that a shared threshold suits every group. Open markers rest on few patients."
)
REFERENCE, WINNER = ("s", ORANGE), ("o", BLUE)
Point = dict[str, Any]


def group_forest(audits: dict[str, dict[str, Any]], split: str) -> Figure | None:
    """Draw overall, lowest group and every group, one marker a model; None without audits."""
    if not audits:
        return None
    rows = forest_rows(audits)
    names = [name for name, _ in rows[:2]] + labels(group_names(audits))
    heights = [max(1.0, 0.55 * (name.count("\n") + 1)) for name in names]
    figure = sheet(1.5 + 0.36 * sum(heights))
    axes = figure.add_subplot()
    places, top = [], 0.0
    for height in heights:
        places.append(top + height / 2)
        top += height
    for place, (_, points) in zip(places, rows, strict=True):
        _row(axes, place, points, styles(audits))
    _frame(axes, places, names, top)
    _remarks(axes, places, rows)
    audit = list(audits.values())[-1]
    axes.set_xlabel(f"AUC on {split}, bars: {100 * audit['confidence']:g} % intervals", fontsize=NORMAL)
    handles = {h.get_label(): h for h in axes.get_legend_handles_labels()[0]}
    shown = list(handles.values())
    if any(point["status"] != "ok" for _, points in rows for point in points):
        look: dict[str, Any] = {"marker": "o", "linestyle": "", "color": GREY, "markerfacecolor": "white"}
        shown.append(Line2D([], [], label="open: few patients (weak, not estimable)", **look))
    figure.legend(handles=shown, loc="outside lower center", ncols=3, fontsize=SMALL, frameon=False)
    return figure


def styles(audits: dict[str, dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Choose marker and colour of each model: the reference stands first."""
    first, *others = audits
    alone = WINNER if not others and first not in (BASELINE, FULL) else REFERENCE
    return {first: alone} | dict.fromkeys(others, WINNER)


def forest_rows(audits: dict[str, dict[str, Any]]) -> list[tuple[str, list[Point]]]:
    """Collect the points of each row: overall, lowest group, then the groups."""
    overall = [_point(m, a["auc"], counts=a) for m, a in audits.items()]
    lowest = [_lowest_point(model, audit) for model, audit in audits.items()]
    rows = [("overall", overall), ("lowest group", lowest)]
    for name in group_names(audits):
        found = {model: group_rows(audit).get(name) for model, audit in audits.items()}
        rows.append((name, [_group_point(model, row) for model, row in found.items() if row]))
    return rows


def _point(model: str, item: dict[str, Any], counts: Any = None, whose: str | None = None) -> Point:
    found = {key: item[key] for key in ("value", "low", "high")}
    size = f"{counts['n']} / {counts['positives']}" if counts else ""
    return {"model": model, "status": "ok", "size": size, "whose": whose, **found}


def _lowest_point(model: str, audit: dict[str, Any]) -> Point:
    """Take the lowest group's status along: a minimum is no surer than the group it comes from."""
    group = audit["min_group_auc"]["group"]
    status = group_rows(audit).get(group, {"status": "ok"})["status"]
    return _point(model, audit["min_group_auc"], whose=group) | {"status": status}


def _group_point(model: str, row: dict[str, Any]) -> Point:
    item = {"value": row["auc"], "low": row["auc_low"], "high": row["auc_high"]}
    return _point(model, item, counts=row) | {"status": row["status"]}


def _row(axes: Axes, place: float, points: list[Point], looks: dict[str, tuple[str, str]]) -> None:
    offset = 0.17 if len(points) > 1 else 0.0
    for index, point in enumerate(points):
        marker, colour = looks[point["model"]]
        y = place + (offset if index else -offset)
        if point["value"] is None:
            continue
        if point["low"] is not None and point["high"] is not None:
            axes.plot([point["low"], point["high"]], [y, y], color=colour, linewidth=1.6, gid="interval")
        filled = colour if point["status"] == "ok" else "white"
        look: dict[str, Any] = {"marker": marker, "linestyle": "", "markersize": 5.5, "color": colour}
        # The label is the key of the legend, which must show a filled marker: weak rows go without.
        label = title(point["model"]) if point["status"] == "ok" else f"_{title(point['model'])}"
        axes.plot(point["value"], y, markerfacecolor=filled, label=label, gid="estimate", **look)


def _frame(axes: Axes, places: list[float], names: list[str], bottom: float) -> None:
    """Set names at the left and a band behind the summary rows."""
    axes.set_ylim(bottom, 0)
    axes.set_yticks(places, names, fontsize=SMALL)
    axes.axhspan(0, (places[1] + places[2]) / 2 if len(places) > 2 else bottom, color=PALE, zorder=0)
    axes.grid(axis="x", color=PALE, linewidth=0.8, zorder=0)
    bare(axes)
    axes.tick_params(axis="y", length=0)


def _remarks(axes: Axes, places: list[float], rows: list[tuple[str, list[Point]]]) -> None:
    names = [name for name, _ in rows[2:]]
    short = dict(zip(names, labels(names, 26, 1), strict=True))
    margin = axes.get_yaxis_transform()
    axes.text(1.02, 0, "n / positives", transform=margin, fontsize=SMALL, va="bottom", color=GREY)
    for place, (_, points) in zip(places, rows, strict=True):
        colour = BLACK if all(point["status"] == "ok" for point in points) else VERMILLION
        look: dict[str, Any] = {"fontsize": SMALL, "va": "center", "gid": "remark", "color": colour}
        axes.text(1.02, place, remark(points, short), transform=margin, **look)


def remark(points: list[Point], short: dict[str, str]) -> str:
    """Write what stands at the right of a row: counts and status, or whose the lowest AUC is, a line a marker."""
    whose = list(dict.fromkeys(short.get(point["whose"], "") for point in points if point["whose"]))
    status = [point["status"] for point in points if point["status"] != "ok"]
    told = [*[point["size"] for point in points if point["size"]][-1:], *whose, *status[:1]]
    if all(point["value"] is None for point in points) and not status:
        told.append("undefined")
    return "\n".join(told)


def alt(audits: dict[str, dict[str, Any]], split: str) -> str:
    """Describe the forest for a reader who cannot see it."""
    said = []
    for name, points in forest_rows(audits):
        each = [f"{title(p['model'])} {interval(p['value'], p['low'], p['high'])}" for p in points]
        weak = next((f" ({p['status']})" for p in points if p["status"] != "ok"), "")
        said.append(f"{name}{weak}: {', '.join(each)}")
    return f"AUC with intervals on {split}. " + "; ".join(said) + "."
