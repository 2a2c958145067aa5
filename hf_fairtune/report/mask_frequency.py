"""How often each part was trained by the best trials, and by all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from .sheet import NORMAL, SMALL, sheet
from .space import PartGrid, grid

LEAST_TRIALS = 8
READING = (
    "Shows how often a part was trained among the better trials, beside how often the search tried it at all; "
    "a part matters at most where the two differ. With a handful of trials such differences arise by chance, "
    "and the search itself tries promising parts more often."
)


def finished(trials: Sequence[dict[str, Any]], direction: str) -> list[dict[str, Any]]:
    """List the complete trials, best first; ties go to the earlier trial."""
    done = [t for t in trials if t["state"] == "COMPLETE" and t["value"] is not None and t["mask"]]
    sign = -1 if direction == "maximize" else 1
    return sorted(done, key=lambda t: (sign * t["value"], t["number"]))


def frequencies(trials: Sequence[dict[str, Any]]) -> list[float]:
    """Return the share of trials that trained each bit."""
    return [sum(bits) / len(trials) for bits in zip(*(t["mask"] for t in trials), strict=True)]


def halves(record_space: str | None, trials: Sequence[dict[str, Any]], best: int, blocks: int) -> list[PartGrid]:
    """Lay out the frequencies of the best trials and of all."""
    return [grid(record_space, frequencies(some), blocks) for some in (trials[:best], trials)]


def mask_frequency(
    trials: Sequence[dict[str, Any]], space: str | None, blocks: int, direction: str = "maximize"
) -> Figure | None:
    """Draw two heat maps, the best quarter of the finished trials and all; None below eight finished."""
    done = finished(trials, direction)
    if len(done) < LEAST_TRIALS:
        return None
    best = math.ceil(len(done) / 4)
    top, every = halves(space, done, best, blocks)
    figure = sheet(1.9 + 2 * 0.34 * len(top.kinds))
    upper, lower = figure.subplots(2, 1, sharex=True)
    _heat(upper, top, f"Best quarter ({best} of {len(done)} finished trials)")
    image = _heat(lower, every, f"All {len(done)} finished trials")
    lower.set_xlabel("block", fontsize=NORMAL)
    bar = figure.colorbar(image, ax=[upper, lower], shrink=0.9, pad=0.02)
    bar.set_label("% of trials that trained it", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    return figure


def _heat(axes: Axes, parts: PartGrid, title: str) -> AxesImage:
    by_kind = [
        [math.nan if row[kind] is None else 100 * float(row[kind] or 0) for row in parts.cells]
        for kind in range(len(parts.kinds))
    ]
    image = axes.imshow(by_kind, vmin=0, vmax=100, cmap="cividis", aspect="auto")
    for kind, row in enumerate(by_kind):
        for block, value in enumerate(row):
            text, colour = ("–", "grey") if math.isnan(value) else (f"{value:.0f}", "white" if value < 60 else "black")
            axes.text(block, kind, text, ha="center", va="center", fontsize=SMALL, color=colour)
    axes.set_yticks(range(len(parts.kinds)), parts.kinds, fontsize=SMALL)
    axes.set_xticks(range(parts.blocks), [str(block) for block in range(parts.blocks)], fontsize=SMALL)
    axes.set_title(title, fontsize=NORMAL, loc="left")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image


def alt(trials: Sequence[dict[str, Any]], direction: str) -> str:
    """Describe the heat maps for a reader who cannot see them."""
    done = finished(trials, direction)
    return (
        f"Two heat maps by block and kind of part: how often each part was trained among the best "
        f"{math.ceil(len(done) / 4)} of {len(done)} finished trials, and among all of them."
    )
