"""A picture of which parts of the model move."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from .sheet import BLUE, GREY, NORMAL, PALE, SMALL, sheet
from .space import PartGrid

READING = (
    "Shows which parts of the network were trained and which kept the base model's weights. "
    "It does not show how far a part moved, nor that training it caused a result."
)


def mask_map(parts: PartGrid, share: float | None = None) -> Figure:
    """Draw blocks left to right and kinds top to bottom; trained parts are filled.

    Args:
        parts: the mask, laid out by `space.grid`.
        share: fraction of all parameters that is trained, for the caption.
    """
    height = len(parts.kinds)
    figure = sheet(1.35 + 0.34 * height)
    axes = figure.add_subplot()
    _box(axes, (-1.7, 0, 1.5, height), "fixed-embeddings", "always frozen")
    for block, row in enumerate(parts.cells):
        for kind, value in enumerate(row):
            state = "always frozen" if value is None else "trained" if value else "frozen"
            _box(axes, (block, kind, 0.92, 0.92), f"cell-{block}-{kind}", state)
    _box(axes, (parts.blocks + 0.12, 0, 1.2, height), "fixed-norm", "always frozen")
    _box(axes, (parts.blocks + 1.52, 0, 1.2, height), "fixed-head", "always trained")
    _scales(axes, parts)
    _caption(figure, axes, share)
    return figure


STYLES: dict[str, dict[str, Any]] = {
    "trained": {"facecolor": BLUE, "edgecolor": BLUE},
    "frozen": {"facecolor": "white", "edgecolor": GREY},
    "always trained": {"facecolor": BLUE, "edgecolor": "white", "hatch": "///"},
    "always frozen": {"facecolor": PALE, "edgecolor": GREY, "hatch": "..."},
}


def _box(axes: Axes, where: tuple[float, float, float, float], name: str, state: str) -> None:
    left, top, width, height = where
    patch = Rectangle((left, top), width, height - (0.08 if height > 1 else 0), linewidth=0.7, **STYLES[state])
    patch.set_gid(name)
    patch.set_label(state)
    axes.add_patch(patch)


def _scales(axes: Axes, parts: PartGrid) -> None:
    ends = {-0.95: "em-\nbeddings", parts.blocks + 0.72: "final\nnorm", parts.blocks + 2.12: "head"}
    middles = {block + 0.46: str(block) for block in range(parts.blocks)}
    axes.set_xlim(-1.8, parts.blocks + 2.8)
    axes.set_ylim(len(parts.kinds) + 0.05, -0.05)
    axes.set_xticks([*middles, *ends], [*middles.values(), *ends.values()], fontsize=SMALL)
    axes.set_yticks([i + 0.46 for i in range(len(parts.kinds))], parts.kinds, fontsize=NORMAL)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("block", fontsize=NORMAL)


def _caption(figure: Figure, axes: Axes, share: float | None) -> None:
    used = {patch.get_label() for patch in axes.patches}
    handles = [Patch(label=state, linewidth=0.7, **style) for state, style in STYLES.items() if state in used]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=SMALL, frameon=False)
    told = "" if share is None else f": {100 * share:.1f} % of the parameters"
    axes.set_title(f"Parts trained{told}", fontsize=NORMAL + 1, loc="left")


def alt(parts: PartGrid) -> str:
    """Describe the map for a reader who cannot see it."""
    searched = [value for row in parts.cells for value in row if value is not None]
    each = []
    for kind, name in enumerate(parts.kinds):
        trained = [str(block) for block, row in enumerate(parts.cells) if row[kind]]
        each.append(f"{name}: {', '.join(trained) if trained else 'none'}")
    count = sum(value > 0 for value in searched)
    return (
        f"Grid of {parts.blocks} blocks by {len(parts.kinds)} kinds of part; {count} of {len(searched)} "
        f"parts are trained. Trained blocks by kind: {'; '.join(each)}."
    )
