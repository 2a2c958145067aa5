"""Forest of changes: the winner's AUC minus the reference's, by group, on every test set."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .models import phrase
from .paired import Changes, change, direction
from .sheet import BLACK, BLUE, GREY, NORMAL, PALE, SMALL, VERMILLION, bare, labels, sheet

READING = (
    "Shows how much AUC each group gained (right of the line) or lost (left) on the same images, and how far chance "
    "alone could move that change (the bars). A bar across the line leaves both open; it does not show that nothing "
    "changed. A smaller gap gained by losses is levelling down, not fairness."
)
STYLES: dict[int, tuple[str, str, str]] = {
    1: (">", BLUE, "gained beyond the interval"),
    0: ("o", GREY, "open"),
    -1: ("<", VERMILLION, "lost beyond the interval"),
}
Row = tuple[str, dict[str, Any], str]


def change_forest(found: dict[str, Changes], paper: Callable[[float], Figure] = sheet) -> Figure | None:
    """Draw overall, lowest group and every group, a panel for each test set; None without paired changes.

    Args:
        found: comparisons by split, as the record holds them.
        paper: makes the empty figure of a height in inches.
    """
    if not found:
        return None
    rows = {split: change_rows(comparison) for split, comparison in found.items()}
    heights = [0.5 + 0.3 * len(some) for some in rows.values()]
    figure = paper(1.3 + sum(heights))
    panels = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    wide = figure.get_figwidth() > 6
    for axes, (split, some) in zip(panels, rows.items(), strict=True):
        _panel(axes, some if wide else [(name, item, size.replace(", ", "\n")) for name, item, size in some])
        names = labels([name for name, _, _ in some[2:]], 34 if wide else 20, 2 if wide else 1)
        axes.set_yticks(range(len(some)), [some[0][0], some[1][0], *names], fontsize=SMALL)
        axes.set_title(f"on {split}".replace("$", r"\$"), fontsize=NORMAL, loc="left")
    first = next(iter(found.values()))
    models = f"{phrase(first['model'])} minus {phrase(first['reference'])}"
    level = f"{100 * first['confidence']:g} % intervals"
    panels[-1].set_xlabel(_wrapped(f"change of AUC, {models}; bars: paired {level}", figure), fontsize=NORMAL)
    across = 3 if wide else 2
    figure.legend(handles=_key(), loc="outside lower center", ncols=across, fontsize=SMALL, frameon=False)
    return figure


def _wrapped(text: str, figure: Figure) -> str:
    """Break a label into lines that the figure is wide enough for."""
    return "\n".join(textwrap.wrap(text, int(12 * figure.get_figwidth()))).replace("$", r"\$")


def change_rows(found: Changes) -> list[Row]:
    """Collect name, change and remark of each row."""
    rows: list[Row] = [("overall", found["auc"], _size(found)), ("lowest group", found["min_group_auc"], "")]
    for row in found["groups"]:
        status = "" if row["status"] == "ok" else f", {row['status']}"
        rows.append((row["group"], row["auc"], _size(row) + status))
    return rows


def _size(row: dict[str, Any]) -> str:
    """Write the counts of a row; nothing where one is withheld."""
    return "" if None in (row["n"], row["positives"]) else f"{row['n']} / {row['positives']}"


def _panel(axes: Axes, rows: list[Row]) -> None:
    axes.axhspan(-0.5, 1.5, color=PALE, zorder=0)
    axes.axvline(0, color=BLACK, linewidth=1, gid="zero")
    margin = axes.get_yaxis_transform()
    axes.text(1.02, -0.5, "n / positives", transform=margin, fontsize=SMALL, va="bottom", color=GREY)
    for place, (_, item, remark) in enumerate(rows):
        _row(axes, place, item)
        withheld = str(item["reason"] or "").startswith("withheld")
        remark = remark or ("" if item["value"] is not None else "withheld" if withheld else "undefined")
        axes.text(1.02, place, remark, transform=margin, fontsize=SMALL, va="center", gid="remark")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="x", color=PALE, linewidth=0.8, zorder=0)
    bare(axes)
    axes.tick_params(axis="y", length=0)


def _row(axes: Axes, place: int, item: dict[str, Any]) -> None:
    if item["value"] is None:
        return
    marker, colour, _ = STYLES[direction(item)]
    if item["low"] is not None and item["high"] is not None:
        axes.plot([item["low"], item["high"]], [place, place], color=colour, linewidth=1.6, gid="interval")
    axes.plot(item["value"], place, marker=marker, color=colour, markersize=6, linestyle="", gid="estimate")


def _key() -> list[Line2D]:
    return [Line2D([], [], marker=m, color=colour, label=text, markersize=6) for m, colour, text in STYLES.values()]


def alt(found: dict[str, Changes]) -> str:
    """Describe the forest for a reader who cannot see it."""
    panels = []
    for split, comparison in found.items():
        each = "; ".join(f"{name} {change(item)}" for name, item, _ in change_rows(comparison))
        panels.append(f"on {split}: {each}")
    return f"Paired changes of AUC with intervals. {'. '.join(panels)}."
