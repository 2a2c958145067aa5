"""Write the card and the figures of a run into its folder."""

from __future__ import annotations

import io
import os
from dataclasses import asdict
from pathlib import Path

from matplotlib.figure import Figure

from ..errors import FairTuneError
from ..folder import write_atomically
from ..record import Record
from ..small_cells import suppress_small_cells
from .card import card
from .gallery import FIGURES, pictures
from .sheet import DPI


def write_report(record: Record, folder: Path, license: str | None = None) -> list[Path]:
    """Write README.md and figures/*.png from the record alone; return what was written.

    Both are made to be published, so groups of 1 to 10 images of a label are merged first. Figures of an earlier
    report that no longer apply are removed.

    Raises:
        FairTuneError: the disk is full or not writable.
    """
    public = Record(**suppress_small_cells(asdict(record)))
    drawn = pictures(public)
    place = Path(folder) / "figures"
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name in set(FIGURES) - {picture.name for picture in drawn}:
            (place / f"{name}.png").unlink(missing_ok=True)
        written = [write_figure(picture.figure, Path(folder) / picture.path) for picture in drawn]
    except OSError as error:
        raise FairTuneError(f"`{place}` could not be written ({error.strerror}); free some space.") from error
    return [write_atomically(Path(folder) / "README.md", card(public, drawn, license)), *written]


def write_figure(figure: Figure, path: Path) -> Path:
    """Write a PNG whose bytes depend on the figure only, whole or not at all."""
    bytes_ = io.BytesIO()
    figure.savefig(bytes_, format="png", dpi=DPI, metadata={"Software": None})
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(bytes_.getvalue())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
