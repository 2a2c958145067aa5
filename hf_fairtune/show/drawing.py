"""Paper and ink of figures, and the drawing of rows: estimates with intervals, side by side and before a band."""

import base64
import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from PIL import Image

from ..document.estimate import Estimate
from ..files.atomic import write_atomically
from .words import listed, number

# Okabe and Ito's colours, which colour-blind readers tell apart.
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
BLACK, GREY, PALE, BAND = "#000000", "#6E6E6E", "#EDEDED", "#C9C9C9"
# Widths in inches: of a README, and of a page's column, whose letters a telephone still shows.
WIDE, COLUMN = 8.0, 4.3
DPI, PAGE_DPI, COLOURS = 150, 190, 64
SMALL, NORMAL = 8, 9
# Lines of a name beside its row.
LINES = 6
# Entries of a legend.
FEW = Line2D([], [], color=GREY, marker="o", linestyle="", markerfacecolor="white", label="few cases")
LINE = Line2D([], [], color=GREY, linestyle="--", label="all rows")
CHANCE = Patch(color=BAND, label="chance alone, 19 of 20 times")


@dataclass(frozen=True)
class Picture:
    """A figure with its file's name, its title, its alternative text and how to read it."""

    name: str
    title: str
    figure: Figure
    alt: str
    reading: str

    def write(self, path: Path) -> Path:
        """Write it as a PNG whose bytes depend on the figure only."""
        held = io.BytesIO()
        self.figure.savefig(held, format="png", metadata={"Software": None})
        return write_atomically(path, held.getvalue())

    def image(self) -> tuple[str, int, int]:
        """Draw it as a PNG of few colours, in base 64, with its width and height in pixels."""
        self.figure.set_dpi(PAGE_DPI)
        canvas = FigureCanvasAgg(self.figure)
        canvas.draw()
        image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(COLOURS)
        held = io.BytesIO()
        image.save(held, "png", optimize=True)
        return base64.b64encode(held.getvalue()).decode("ascii"), *image.size


@dataclass(frozen=True)
class Mark:
    """An estimate in a row: what the legend says of it, its colour and marker."""

    found: Estimate
    label: str = ""
    colour: str = BLUE
    marker: str = "o"


@dataclass(frozen=True)
class Row:
    """A row: name, marks and remark; `few` cases make open marks; `chance` is what it makes on average and at most."""

    name: str
    marks: Sequence[Mark]
    remark: str = ""
    few: bool = False
    chance: tuple[float, float] = (math.nan, math.nan)


@dataclass(frozen=True)
class Panel:
    """Rows over one axis: `line` marks a value across all of them, `remarks` names what stands at their right."""

    title: str
    rows: Sequence[Row]
    axis: str
    line: Estimate | None = None
    remarks: str = ""


def paper(height: float, width: float = COLUMN) -> Figure:
    """Return an empty figure."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def tidy(axes: Axes, grid: Literal["both", "x"] = "both") -> None:
    """Draw a pale grid behind, and remove the lines that carry no information."""
    axes.grid(axis=grid, color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL)
    if grid == "x":
        axes.tick_params(axis="y", length=0)


def coarse(axes: Axes, along: Literal["x", "y"], digits: int = 2) -> None:
    """Give an axis of numbers with so many decimals ten of their steps at least, and ticks no finer than a step."""
    low, high = axes.get_xlim() if along == "x" else axes.get_ylim()
    if high - low < 10 * 10**-digits:
        middle, half = (low + high) / 2, 5 * 10**-digits
        axes.set(**{f"{along}lim": (middle - half, middle + half)})
    # Without ticks at 2.5, 25 and so on, which have a decimal more.
    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10]))


def labels(names: Sequence[str], width: int = 26, lines: int = 3) -> list[str]:
    """Wrap and shorten names for an axis; one that the font cannot draw, or is then another's, becomes its number."""
    drawn, glyphs = list[str](), get_font(findfont(FontProperties())).get_charmap()
    for place, name in enumerate(names, start=1):
        text = " ".join(name.split()) or "(empty name)"
        known = glyphs.keys() >= set(map(ord, text))
        wrapped = textwrap.wrap(text if known else f"group {place} (see table)", width)
        if len(wrapped) > lines:
            wrapped = [*wrapped[: lines - 1], wrapped[lines - 1][: width - 1] + "…"]
        label = "\n".join(wrapped).replace("$", r"\$")
        drawn.append(f"group {place} (see table)" if label in drawn and text != names[drawn.index(label)] else label)
    return drawn


def draw(
    panels: Sequence[Panel], key: Sequence[Artist], width: float = COLUMN, beside: bool = False, digits: int = 2
) -> Figure:
    """Draw panels under each other, or beside each other where they have the same rows.

    `key` adds to the legend; `digits` are those of the numbers.
    """
    letters, heights = (20 if width == COLUMN else 34), list[float]()
    for panel in panels:
        # A row is as high as the longest of the names beside it.
        deepest = max(
            map(str.count, labels([*map(attrgetter("name"), panel.rows)], letters, LINES), repeat("\n")), default=0
        )
        marks = max((len(row.marks) for row in panel.rows), default=0)
        heights.append(0.5 + max(0.27, 0.13 * marks, 0.14 * (deepest + 1) + 0.04) * len(panel.rows))
    figure = paper(1.1 + (heights[0] if beside else sum(heights)), width)
    shape = (1, len(panels)) if beside else (len(panels), 1)
    share = {"sharey": True} if beside else {"sharex": True, "height_ratios": heights}
    models: dict[str, Artist] = {}
    for axes, panel in zip(figure.subplots(*shape, squeeze=False, **share).ravel(), panels, strict=True):
        models |= _panel(axes, panel, letters)
        # What stands at the right of the rows has its name on the title's line.
        title = labels([panel.title], int((5 if panel.remarks else 10) * width), 3)[0] if panel.title else ""
        axes.set_title(title, fontsize=SMALL, fontweight="bold", loc="left")
        if beside or panel is panels[-1]:
            axes.set_xlabel(labels([panel.axis], int(11 * width), 2)[0], fontsize=NORMAL)
    for axes in figure.axes:
        coarse(axes, "x", digits)
    handles = [*models.values(), *key]
    if handles:
        texts = [*labels(list(models)), *map(str, map(Artist.get_label, key))]
        figure.legend(handles, texts, loc="outside lower center", ncols=2, fontsize=SMALL, frameon=False)
    return figure


def _panel(axes: Axes, panel: Panel, width: int) -> dict[str, Artist]:
    """Draw the rows of a panel; return what its legend shows by label."""
    key: dict[str, Artist] = {}
    margin = axes.get_yaxis_transform()
    if panel.line is not None and panel.line.defined:
        axes.axvline(panel.line.value, color=GREY, linewidth=1, linestyle="--", gid="line")
        if panel.line.bounded:
            axes.axvspan(panel.line.low, panel.line.high, color=PALE, zorder=0, gid="line-interval")
    for place, row in enumerate(panel.rows):
        mean, high = row.chance
        if not math.isnan(high):
            axes.barh(place, high, height=0.62, color=BAND, gid="chance")
            axes.plot([mean, mean], [place - 0.31, place + 0.31], color=GREY, linewidth=1.2, gid="chance-mean")
        for each, mark in enumerate(row.marks):
            step = min(0.34, 0.84 / len(row.marks))
            found, at = mark.found, place + step * (each - (len(row.marks) - 1) / 2)
            if found.bounded:
                axes.plot([found.low, found.high], [at, at], color=mark.colour, linewidth=1.6, gid="interval")
            if found.defined:
                face = "white" if row.few else mark.colour
                axes.plot(found.value, at, mark.marker, c=mark.colour, mfc=face, ms=5.5, gid="estimate")
            key |= {mark.label: Line2D([], [], color=mark.colour, marker=mark.marker)} if mark.label else {}
        colour = VERMILLION if row.few else BLACK
        axes.text(1.02, place, row.remark, transform=margin, color=colour, fontsize=SMALL, va="center", gid="remark")
    if any(map(attrgetter("remark"), panel.rows)):
        axes.text(1.02, -0.5, panel.remarks, transform=margin, fontsize=SMALL, va="bottom", color=GREY)
    names = labels([*map(attrgetter("name"), panel.rows)], width, LINES)
    axes.set_yticks(range(len(names)), names, fontsize=SMALL)
    axes.set_ylim(len(names) - 0.5, -0.5)
    tidy(axes, "x")
    return key


def described(panels: Sequence[Panel], most: int = 12) -> str:
    """Describe panels for a reader who cannot see them: the first rows of each with their estimates."""
    said = []
    for panel in panels:
        rows = []
        for row in panel.rows[:most]:
            rows.append(row.name)
            for mark in row.marks:
                rows[-1] += f", {mark.label} {number(mark.found)}" if mark.label else f" {number(mark.found)}"
            rows[-1] += "" if math.isnan(row.chance[1]) else f" (by chance alone up to {number(row.chance[1])})"
        said.append(f"{panel.title or panel.axis}: {listed(rows, most)}")
    return f"{'. '.join(said)}."
