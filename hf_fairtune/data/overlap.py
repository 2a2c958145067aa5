"""What a test set shares with the rows that a model is fitted or chosen on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from ..errors import FairTuneError
from .levels import listed
from .rows import Rows

SEEN = ("train", "validation")


def check_overlap(name: str, test: Rows, main: Rows) -> None:
    """Check that no cluster and no image of a test set is one of the main data's train or validation split.

    Images are compared by the content of their files, so a copy elsewhere or under another name is noticed; one that
    was saved anew is not.

    Raises:
        FairTuneError: some are; the line says how many and names the first five.
    """
    seen = main.inside(*SEEN)
    if test.clusters is not None and main.clusters is not None:
        both = sorted(set(test.clusters) & {main.clusters[i] for i in seen})
        advice = "Drop them from the test set; if they are others of the same name, name them differently."
        _refuse(name, "clusters", both, advice)
    _refuse(name, "images", shared_images(test.images, main.images.select(seen)), "Drop them from the test set.")


def _refuse(name: str, what: str, both: list[str], advice: str) -> None:
    if both:
        raise FairTuneError(
            f"Test set `{name}` shares {len(both)} {what} with the training or validation data ({listed(both, 5)}); "
            f"the test would be seen before. {advice}"
        )


def shared_images(images: Dataset, others: Dataset) -> list[str]:
    """Return the names of the `images` whose content is also among the `others`, in their order.

    Only images of equal size in bytes are read.
    """
    sizes, other_sizes = (np.array([_size(item) for item in _items(part)]) for part in (images, others))
    alike = np.flatnonzero(np.isin(other_sizes, sizes))
    contents = {_content(item) for item in _items(others.select(alike))}
    asked = np.flatnonzero(np.isin(sizes, other_sizes))
    pairs = zip(asked, _items(images.select(asked)), strict=True)
    return [_told(int(row), item) for row, item in pairs if _content(item) in contents]


def _items(images: Dataset) -> Iterator[dict[str, Any]]:
    for row in images:
        yield row["image"]


def _size(item: dict[str, Any]) -> int:
    return len(item["bytes"]) if item["bytes"] is not None else os.stat(item["path"]).st_size


def _content(item: dict[str, Any]) -> bytes:
    content = item["bytes"] if item["bytes"] is not None else Path(item["path"]).read_bytes()
    return hashlib.sha256(content).digest()


def _told(row: int, item: dict[str, Any]) -> str:
    return Path(item["path"]).name if item["path"] else f"row {row}"
