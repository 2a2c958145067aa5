"""What test rows share with the rows that a model is, or was, fitted or chosen on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from ..errors import FairTuneError
from ..record import FILE_NAME, Record
from .levels import listed
from .rows import Rows
from .splits import FILE_NAME as SPLITS_NAME
from .splits import read_splits

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


def check_unseen(model: str | Path, rows: Rows, sheet: dict[str, Any]) -> None:
    """Check that no row of the test split was one that a trained model was fitted or chosen on.

    Its folder tells, by the split file or, where its data gave the splits, by its record. A Hub id, and a folder
    without these or with those of other data, tell nothing.

    Args:
        model: the folder of the model.
        rows: the rows as they are divided now.
        sheet: the facts about them, as `data` of a record.

    Raises:
        FairTuneError: some were; the line says how many and how to divide instead.
    """
    folder = Path(model).expanduser()
    if (folder / SPLITS_NAME).is_file():
        _check_split_file(folder / SPLITS_NAME, rows)
    elif (folder / FILE_NAME).is_file():
        _check_record(folder, sheet)


def _check_split_file(file: Path, rows: Rows) -> None:
    where, made = read_splits(file)
    # A row's identity is its image's, and a count where an image is listed again.
    images = {key.partition(".")[0] for key, split in where.items() if split in SEEN}
    pairs = zip(rows.identities.images, rows.units, strict=True)
    units = {unit for image, unit in pairs if image in images}
    test = rows.inside("test")
    known = sum(rows.units[i] in units for i in test)
    if known:
        raise FairTuneError(
            f"The model in `{file.parent}` has seen {known} of the {len(test)} test rows in its training or "
            f"validation, or others of their cluster. Divide as it did (--seed {made.seed}, and the same --group, "
            "--cluster and fractions), or give the data a column `split`."
        )


def _check_record(folder: Path, sheet: dict[str, Any]) -> None:
    known = Record.load(folder).data
    if known.get("hash") != sheet["hash"]:
        return
    old, new = (facts["splits"]["test"] for facts in (known, sheet))
    # A smaller test split that the data give may be a part of the old one; one drawn anew is not.
    if old["hash"] != new["hash"] and (sheet["split_source"] == "made" or new["n"] >= old["n"]):
        least = max(new["n"] - old["n"], 1)
        raise FairTuneError(
            f"The model in `{folder}` was trained on these very data with another test split, so that it has seen at "
            f"least {least} of the {new['n']} test rows. Give the data the splits it was trained with, in a column "
            "`split`."
        )


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
