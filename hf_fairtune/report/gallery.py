"""The figures of a record that apply to it, each with its words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from ..record import Record
from . import changes, groups, mask_frequency, mask_layers, mask_map, search_history
from .models import compared, reported_split
from .paired import changes_by_split
from .space import grid


@dataclass(frozen=True)
class Picture:
    """A figure, the file it goes to, its alternative text and its plain reading."""

    name: str
    title: str
    figure: Figure
    alt: str
    reading: str

    @property
    def path(self) -> str:
        """Return the file's place beside the card."""
        return f"figures/{self.name}.png"


def pictures(record: Record) -> list[Picture]:
    """Draw the figures that apply, in the order of the card."""
    drawn = (draw(record) for draw in FIGURES.values())
    return [picture for picture in drawn if picture is not None]


def _groups(record: Record) -> Picture | None:
    audits, split = compared(record), reported_split(record)
    figure = groups.group_forest(audits, split or "")
    if figure is None:
        return None
    alt = groups.alt(audits, split or "")
    return Picture("groups", "AUC by group", figure, alt, groups.READING)


def _changes(record: Record) -> Picture | None:
    found = changes_by_split(record)
    figure = changes.change_forest(found)
    return None if figure is None else Picture("changes", "Changes", figure, changes.alt(found), changes.READING)


def _mask_layers(record: Record) -> Picture | None:
    mask = record.repair["mask"] if record.repair else None
    figure = mask_layers.mask_layers(mask["layers"]) if mask else None
    if mask is None or figure is None:
        return None
    alt = mask_layers.alt(mask["layers"])
    return Picture("mask_layers", "What the mask let move", figure, alt, mask_layers.READING)


def _mask_map(record: Record) -> Picture | None:
    if not record.mask:
        return None
    parts = grid(record.space, record.mask, record.model["blocks"])
    figure = mask_map.mask_map(parts, trained_share(record))
    return Picture("mask_map", "Parts trained", figure, mask_map.alt(parts), mask_map.READING)


def _search(record: Record) -> Picture | None:
    figure = search_history.search_history(record.trials, record.search) if record.search else None
    if figure is None or record.search is None:
        return None
    alt = search_history.alt(record.trials, record.search)
    return Picture("search_history", "Search", figure, alt, search_history.READING)


def _frequency(record: Record) -> Picture | None:
    direction = record.search["direction"] if record.search else "maximize"
    figure = mask_frequency.mask_frequency(record.trials, record.space, record.model["blocks"], direction)
    if figure is None:
        return None
    alt = mask_frequency.alt(record.trials, direction)
    return Picture("mask_frequency", "Parts the better trials trained", figure, alt, mask_frequency.READING)


FIGURES: dict[str, Callable[[Record], Picture | None]] = {
    "groups": _groups,
    "changes": _changes,
    "mask_layers": _mask_layers,
    "mask_map": _mask_map,
    "search_history": _search,
    "mask_frequency": _frequency,
}


def trained_share(record: Record) -> float | None:
    """Return the fraction of all parameters that is trained."""
    total = record.model["parameters"]
    return record.model["trainable_parameters"] / total if total else None
