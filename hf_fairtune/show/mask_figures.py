"""Which parts of a model a mask trains: the mask, its layers, and how often the trials of a search chose a part."""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Patch, Rectangle

from ..document.run import MaskBits, MaskLayer, MaskUnit
from ..document.search import Search, Trial
from ..masks.granularities import GRANULARITIES
from ..masks.space import UNITS, regular
from . import drawing as ink
from .drawing import Picture, labels, paper, tidy
from .words import number, percent

KINDS = {
    ("norm1", "norm2"): "LayerNorms",
    ("norm1",): "first LayerNorm",
    ("norm2",): "second LayerNorm",
    ("norm",): "norms",
    ("mlp",): "MLP",
    ("convolution",): "convolutions",
    ("squeeze_excite",): "squeeze-and-excitation",
    ("shortcut",): "shortcut",
}
BLOCK = (("norm1", "norm2"), ("attention",), ("mlp",))
LEAST_TRIALS = 8
STYLES: dict[str, dict[str, Any]] = {
    "trained": {"facecolor": ink.BLUE, "edgecolor": ink.BLUE},
    "frozen": {"facecolor": "white", "edgecolor": ink.GREY},
    "always trained": {"facecolor": ink.BLUE, "edgecolor": "white", "hatch": "///"},
    "always frozen": {"facecolor": ink.PALE, "edgecolor": ink.GREY, "hatch": "..."},
}


def units_of(mask: MaskBits, count: int) -> list[MaskUnit]:
    """Return the units of so many bits; a document of an earlier version names a granularity alone."""
    if mask.units:
        return mask.units
    known = mask.granularity in GRANULARITIES
    found = regular(mask.granularity, mask.blocks).units if known else ()
    if len(found) == count:
        return [MaskUnit(unit.name, unit.place, [*unit.kinds], 0) for unit in found]
    width = count // mask.blocks if mask.blocks and count % mask.blocks == 0 else 1
    return [MaskUnit(f"part {i}", i // width, [f"part {i % width + 1}"], 0) for i in range(count)]


def grid(mask: MaskBits, values: Sequence[float]) -> tuple[list[str], np.ndarray]:
    """Name the kinds of parts and lay values of a mask's bits out, [n_places, n_kinds]; NaN where no bit trains."""
    units = units_of(mask, len(values))
    kinds = list(dict.fromkeys(tuple(unit.kinds) for unit in units))
    kinds = [*BLOCK] if {*kinds} <= {*BLOCK} else kinds
    places = list(dict.fromkeys(unit.place for unit in units))
    cells = np.full((len(places), len(kinds)), math.nan)
    for unit, value in zip(units, values, strict=True):
        cells[places.index(unit.place), kinds.index(tuple(unit.kinds))] = value
    return [KINDS.get(kind, ", ".join(kind)) for kind in kinds], cells


def mask_words(mask: MaskBits) -> str:
    """Say in words which parts a mask trains."""
    kinds, cells = grid(mask, mask.bits)
    on = [(kind, cells[:, i]) for i, kind in enumerate(kinds) if (cells[:, i] > 0).any()]
    said = [kind if len(cells) == 1 else f"{kind} of {_places(column, place_word(mask))}" for kind, column in on]
    return "; ".join([*said, "and the classification head"]) if said else "nothing but the classification head"


def place_word(mask: MaskBits) -> str:
    """Return what the places of a mask's bits are called."""
    known = GRANULARITIES.get(mask.granularity)
    return "block" if known is None else known.per


def _places(column: np.ndarray, word: str) -> str:
    """Write numbers as ranges, `blocks 0–3, 7`; one without such a part is none of them."""
    trained = np.flatnonzero(column > 0).tolist()
    if len(trained) == np.isfinite(column).sum():
        return f"every {word}"
    runs = [[place for _, place in run] for _, run in groupby(enumerate(trained), lambda pair: pair[1] - pair[0])]
    ends = [f"{run[0]}" if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs]
    return f"{word}{'s' if len(trained) > 1 else ''} {', '.join(ends)}"


def mask_map(mask: MaskBits, share: float) -> Picture:
    """Draw blocks left to right and kinds top to bottom; `share` of all parameters are trained."""
    kinds, cells = grid(mask, mask.bits)
    blocks, height = cells.shape
    figure = paper(1.35 + 0.34 * height, ink.WIDE)
    axes = figure.add_subplot()
    # Of units of one's own, what comes before the blocks may be in one of them.
    own, paper_space = mask.granularity == UNITS, mask.granularity not in (UNITS, "stages", "blocks")
    boxes = {} if own else {"fixed-embeddings": (-1.7, 0.0, 1.5, float(height), "always frozen")}
    for (block, kind), value in np.ndenumerate(cells):
        state = "always frozen" if math.isnan(value) else "trained" if value else "frozen"
        boxes[f"cell-{block}-{kind}"] = (block, kind, 0.92, 0.92, state)
    boxes["fixed-norm"] = (blocks + 0.12, 0, 1.2, height, "always frozen")
    boxes["fixed-head"] = (blocks + 1.52, 0, 1.2, height, "always trained")
    for gid, (left, top, width, tall, state) in boxes.items():
        axes.add_patch(Rectangle((left, top), width, tall, linewidth=0.7, gid=gid, label=state, **STYLES[state]))
    ends = {} if own else {-0.95: "em-\nbeddings"}
    ends |= {blocks + 0.72: "final\nnorm" if paper_space else "all\nelse", blocks + 2.12: "head"}
    middles = {block + 0.46: "" if own else str(block) for block in range(blocks)}
    axes.set(xlim=(-1.8, blocks + 2.8), ylim=(height + 0.05, -0.05))
    axes.set_xticks([*middles, *ends], [*middles.values(), *ends.values()], fontsize=ink.SMALL)
    axes.set_yticks([i + 0.46 for i in range(height)], kinds, fontsize=ink.NORMAL)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("unit" if own else place_word(mask), fontsize=ink.NORMAL)
    axes.set_title(f"Parts trained: {percent(share)} of the parameters", fontsize=ink.NORMAL + 1, loc="left")
    used = dict.fromkeys(state for *_, state in boxes.values())
    key = [Patch(label=state, linewidth=0.7, **STYLES[state]) for state in used]
    figure.legend(handles=key, loc="outside lower center", ncols=4, fontsize=ink.SMALL, frameon=False)
    alt = f"Grid of {blocks} {place_word(mask)}s by {height} kinds of part. Trained: {mask_words(mask)}."
    return Picture("mask_map", "Parts trained", figure, alt, MAP)


MAP = (
    "Which parts of the network were trained and which kept the base model's weights. It does not show how far a part "
    "moved, nor that training it caused a result."
)


def mask_layers(layers: Sequence[MaskLayer]) -> Picture | None:
    """Draw mask values and mean importances by layer; None without layers."""
    if not layers:
        return None
    figure, places = paper(1.5 + 0.27 * len(layers), ink.WIDE), range(len(layers))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    low, width = [row.low for row in layers], [row.high - row.low for row in layers]
    left.barh(places, width, left=low, height=0.5, color=ink.BLUE, alpha=0.3, label="mask: middle 80 % of weights")
    left.plot([row.median for row in layers], places, "|", color=ink.BLACK, ms=10, mew=2, label="median", gid="median")
    left.plot([row.mean for row in layers], places, "D", color=ink.VERMILLION, ms=4.5, label="mean", gid="mean")
    left.set_xlim(-0.02, 1.02)
    left.set_xlabel("mask: share of a plain update", fontsize=ink.NORMAL)
    looks = {"prediction": ("s", ink.ORANGE, -0.13), "bias": ("o", ink.BLUE, 0.13)}
    for key, (marker, colour, offset) in looks.items():
        # A layer without any importance has no marker on a logarithmic axis.
        sums = [getattr(row, key) / row.parameters or math.nan for row in layers]
        offsets = [place + offset for place in places]
        right.plot(sums, offsets, marker, color=colour, ms=5, label=f"importance for {key}", gid=key)
    if any(row.prediction > 0 or row.bias > 0 for row in layers):
        right.set_xscale("log")
    right.set_xlabel("mean importance of a weight", fontsize=ink.NORMAL)
    tidy(left, "x")
    tidy(right, "x")
    left.set_ylim(len(layers) - 0.4, -0.6)
    left.set_yticks(places, labels([row.layer for row in layers], 34, 1), fontsize=ink.SMALL)
    figure.legend(loc="outside lower center", ncols=5, fontsize=ink.SMALL, frameon=False)
    each = (f"{row.layer} {number(row.mean)} ({number(row.low)} to {number(row.high)})" for row in layers)
    alt = f"Mean mask value by layer, with the middle 80 % of its weights: {'; '.join(each)}."
    return Picture("mask_layers", "What the mask let move", figure, alt, LAYERS)


LAYERS = (
    "Layer by layer from the image to the decision: by what share of a plain update the mask lets weights move (left) "
    "and the two importances it is made from (right; compare a layer with other layers, not blue with orange). It "
    "does not show that a layer with a high mask holds the bias, nor how far its weights moved."
)


def finished(search: Search) -> list[Trial]:
    """List the complete and feasible trials with a mask, best first; ties go to the earlier trial."""
    complete = [t for t in search.trials if t.state == "COMPLETE" and not t.infeasible]
    done = [t for t in complete if t.mask and not math.isnan(t.value)]
    sign = -1 if search.direction == "maximize" else 1
    return sorted(done, key=lambda trial: (sign * trial.value, trial.number))


def mask_frequency(search: Search, mask: MaskBits) -> Picture | None:
    """Draw how often trials trained each part: the best quarter and all; None below eight finished trials."""
    done = finished(search)
    if len(done) < LEAST_TRIALS:
        return None
    best = math.ceil(len(done) / 4)
    kinds, _ = grid(mask, done[0].mask)
    figure = paper(1.9 + 2 * 0.34 * len(kinds), ink.WIDE)
    panels = figure.subplots(2, 1, sharex=True)
    titles = (f"Best quarter ({best} of {len(done)} finished trials)", f"All {len(done)} finished trials")
    for axes, some, title in zip(panels, (done[:best], done), titles, strict=True):
        _, cells = grid(mask, np.mean([trial.mask for trial in some], axis=0))
        image = heat(axes, kinds, 100 * cells, title)
    panels[1].set_xlabel(place_word(mask), fontsize=ink.NORMAL)
    bar = figure.colorbar(image, ax=list(panels), shrink=0.9, pad=0.02)
    bar.set_label("% of trials that trained it", fontsize=ink.SMALL)
    bar.ax.tick_params(labelsize=ink.SMALL)
    often = f"how often the best {best} of {len(done)} trials, and all, trained it."
    alt = f"Two heat maps by {place_word(mask)} and kind: {often}"
    return Picture("mask_frequency", "Parts the better trials trained", figure, alt, FREQUENCY)


FREQUENCY = (
    "How often a part was trained among the better trials, beside how often the search tried it at all; a part can "
    "matter where the two differ. With a handful of trials such differences arise by chance, and the search itself "
    "tries promising parts more often."
)


def heat(axes: Axes, kinds: Sequence[str], cells: np.ndarray, title: str) -> AxesImage:
    """Draw a cell a place and kind, percent [n_places, n_kinds]; NaN where no bit trains."""
    image = axes.imshow(cells.T, vmin=0, vmax=100, cmap="cividis", aspect="auto")
    for (block, kind), value in np.ndenumerate(cells):
        text, colour = ("–", "grey") if math.isnan(value) else (f"{value:.0f}", "white" if value < 60 else "black")
        axes.text(block, kind, text, ha="center", va="center", fontsize=ink.SMALL, color=colour)
    axes.set_yticks(range(len(kinds)), kinds, fontsize=ink.SMALL)
    axes.set_xticks(range(len(cells)), [str(block) for block in range(len(cells))], fontsize=ink.SMALL)
    axes.set_title(title, fontsize=ink.NORMAL, loc="left")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image
