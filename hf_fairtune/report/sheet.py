"""Paper and ink of the figures: Okabe–Ito colours, sizes for a README, labels the font can draw."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import lru_cache

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
BLACK, GREY, PALE = "#000000", "#6E6E6E", "#EDEDED"
PURPLE, SKY = "#CC79A7", "#56B4E9"
WIDTH, COLUMN = 8.0, 4.3
DPI = 150
SMALL, NORMAL = 8, 9


def sheet(height: float) -> Figure:
    """Return an empty figure of README width."""
    return Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")


def column(height: float) -> Figure:
    """Return an empty figure as wide as a page's column, whose letters a telephone still shows."""
    return Figure(figsize=(COLUMN, height), dpi=DPI, layout="constrained")


def bare(axes: Axes) -> None:
    """Remove the frame lines that carry no information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL)


def labels(names: Sequence[str], width: int = 26, lines: int = 3) -> list[str]:
    """Wrap and shorten names for an axis; a name the font cannot draw becomes its number."""
    drawn = []
    for number, name in enumerate(names, start=1):
        text = " ".join(name.split()) or "(empty name)"
        if not drawable(text):
            text = f"group {number} (see table)"
        wrapped = textwrap.wrap(text, width)
        if len(wrapped) > lines:
            wrapped = [*wrapped[: lines - 1], wrapped[lines - 1][: width - 1] + "…"]
        drawn.append("\n".join(wrapped).replace("$", r"\$"))
    return drawn


def drawable(text: str) -> bool:
    """Tell whether the figure font has a glyph for every character."""
    return {ord(character) for character in text} <= _glyphs()


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties())).get_charmap())
