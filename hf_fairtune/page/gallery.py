"""The figures of an audit's page, each with its words, drawn when asked for."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from ..report import changes
from ..report.gallery import Picture
from ..report.sheet import column
from . import attribute_forest, gap_band, pareto, rates, reliability, roc
from .view import View

PAGE_DPI = 190
COLOURS = 64
FOREST = 30


@dataclass(frozen=True)
class Drawn:
    """A figure as a page holds it: title, alternative text, reading, and the image with its size in pixels."""

    title: str
    alt: str
    reading: str
    data: str
    width: int
    height: int


def overview(views: Sequence[View]) -> Iterator[Picture]:
    """Draw all attributes of one target together: their groups, and their gaps against chance."""
    several = len(views[0].document["targets"]) > 1
    asked = f", {views[0].finding}" if several else ""
    for some in forests(views):
        title = f"AUC of every group{asked if len(some) == len(views) else f', {some[0].place}'}"
        found = attribute_forest.attribute_forest(some)
        yield from _picture("forest", title, found, attribute_forest.alt(some), attribute_forest.READING)
    found = gap_band.gap_band(views)
    yield from _picture(
        "gap_band", f"Is the gap more than chance{asked}?", found, gap_band.alt(views), gap_band.READING
    )


def forests(views: Sequence[View]) -> list[list[View]]:
    """Share the attributes out over forests that are not too tall."""
    shared: list[list[View]] = []
    size = 0
    for view in views:
        rows = len(attribute_forest.shown(view))
        if not shared or size + rows > FOREST:
            shared.append([])
            size = 0
        shared[-1].append(view)
        size += rows
    return shared


def details(view: View) -> Iterator[Picture]:
    """Draw one audit: changes against a reference, ROC, rates at a threshold, reliability."""
    found = pareto.pareto(view)
    yield from _picture("pareto", f"Models, {view.place}", found, pareto.alt(view), pareto.READING)
    for one in view.of("comparisons"):
        held = {f"these rows, {view.place}": one}
        figure, title = changes.change_forest(held, column), f"Change against {one['reference']}"
        yield from _picture("changes", title, figure, changes.alt(held), changes.READING)
    found = roc.roc_by_group(view)
    yield from _picture("roc", f"ROC {view.place}", found, roc.alt(view), roc.READING)
    found = rates.rates_by_group(view)
    yield from _picture("rates", f"One threshold for all, {view.place}", found, rates.alt(view), rates.READING)
    found = reliability.reliability_by_group(view)
    words = reliability.alt(view)
    yield from _picture(
        "reliability", f"Do scores mean what they say? {view.place}", found, words, reliability.READING
    )


def _picture(name: str, title: str, figure: Figure | None, alt: str, reading: str) -> Iterator[Picture]:
    if figure is not None:
        yield Picture(name, title, figure, alt, reading)


def drawn(picture: Picture) -> Drawn:
    """Draw a figure as a PNG of few colours, whose bytes depend on the figure only."""
    picture.figure.set_dpi(PAGE_DPI)
    canvas = FigureCanvasAgg(picture.figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    small = io.BytesIO()
    image.quantize(COLOURS).save(small, "png", optimize=True)
    data = base64.b64encode(small.getvalue()).decode("ascii")
    return Drawn(picture.title, picture.alt, picture.reading, data, *image.size)
