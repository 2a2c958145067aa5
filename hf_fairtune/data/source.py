"""Where the table of images comes from: the Hub, a folder, or a CSV, TSV or Parquet file."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import (
    ClassLabel,
    Dataset,
    DatasetDict,
    Features,
    Image,
    Value,
    concatenate_datasets,
    load_dataset,
    load_from_disk,
)

from ..connection import hub_or_cache
from ..document.data import Reading
from ..errors import FairTuneError, first_line, listed
from .addresses import ADDRESS, check_card, check_hub_paths
from .columns import PATH_COLUMNS, SPLIT_COLUMN, SPLIT_NAMES, named_column, no_column, split_names
from .table_file import KINDS, is_table, read_table, suffix_of
from .table_object import Table, parts_of
from .uncertain import Uncertain, certain_rows

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
ENDINGS = (".jpg", ".png", ".jpeg", ".JPG", ".PNG", ".JPEG")
IMAGES = {*map(str.lower, ENDINGS), ".bmp", ".gif", ".tif", ".tiff", ".webp"}


@dataclass(frozen=True)
class Source:
    """An opened table of images, rows in order.

    Args:
        name: of the table in a report; no path of the machine.
        frame: its attribute columns.
        images: one column `image` of undecoded images.
        root: the folder that image paths start from, None on the Hub.
        given: the split of every row (one of `SPLITS`), None where the data do not say.
        readings: what the reader of the file changed, and which rows were dropped.
    """

    name: str
    frame: pd.DataFrame
    images: Dataset
    root: Path | None
    given: list[str] | None
    readings: list[Reading] = field(default_factory=list)

    def certain(self, label: Sequence[str], positive: Sequence[str], uncertain: Uncertain | None) -> Source:
        """Return the rows whose label is not uncertain, where `uncertain` says to drop those; else all."""
        kept, dropped = certain_rows(self.frame, label, positive, uncertain)
        if not dropped:
            return self
        rows = np.flatnonzero(kept)
        return replace(
            self,
            frame=self.frame.iloc[rows].reset_index(drop=True),
            images=self.images.select(rows),
            given=None if self.given is None else [self.given[row] for row in rows],
            readings=[*self.readings, *dropped],
        )


def load_source(
    dataset: str, *, image: str | None = None, image_root: str | None = None, divided: bool = True, table: Table = None
) -> Source:
    """Open a Hub id, a folder, or a CSV, TSV or Parquet file; or take a `table` as it is, which `dataset` names.

    The image column is found where none is named, relative image paths start from `image_root` or the table's own
    folder, and the splits that the data give are read where `divided`.
    """
    path = Path(dataset).expanduser()
    # A Hub id, or the name of a folder or file without what it lies in: it is published.
    name = path.resolve().name if path.exists() else dataset
    # What is given as an object may be called as a file beside it is.
    path = path if table is None else Path(os.devnull)
    if table is None:
        check_kind(dataset)
    readings: list[Reading] = []
    # A Parquet file may hold the images themselves, which `datasets` reads.
    if path.is_file() and suffix_of(path) != ".parquet":
        file = read_table(path)
        column = image_column(file.frame.columns, (), image)
        only = named_column(file.frame, column, "image").to_frame()
        parts, frame = {"train": Dataset.from_pandas(only, preserve_index=False)}, file.frame.drop(columns=column)
        readings += file.readings
    else:
        check_card(path)
        with hub_or_cache(dataset) if table is None else nullcontext():
            parts = _load(dataset, path) if table is None else parts_of(table)
        features = next(iter(parts.values())).features
        column = image_column(features, [key for key, kind in features.items() if isinstance(kind, Image)], image)
        frame = pd.concat([attribute_frame(part, column) for part in parts.values()], ignore_index=True)
    if image_root and isinstance(next(iter(parts.values())).features[column], Image):
        raise FairTuneError(f"--image_root is for columns of paths, but `{column}` holds images; leave it out.")
    root = path.parent if path.is_file() else path if path.is_dir() else None
    root = Path(image_root).expanduser() if image_root else root
    if table is None and not path.exists():
        for part in parts.values():
            check_hub_paths(dataset, column, part, root)
    images = concatenate_datasets([image_dataset(part, column, root) for part in parts.values()])
    blanks = sum(trimmed_paths(part, column) for part in parts.values())
    readings += [Reading(column, "", "trimmed_path", blanks)] if blanks else []
    if frame.columns.empty:
        raise FairTuneError(
            f"`{name}` has images and nothing else. Put a metadata.csv with a column file_name and yours beside the "
            f"images, or give a {KINDS} file."
        )
    return Source(name, frame, images, root, _given(parts, frame) if divided else None, readings)


def check_kind(dataset: str) -> None:
    """Check that a data set is named, and is a file or folder that exists, or may be a Hub id.

    Raises:
        FairTuneError: it is not.
    """
    path = Path(dataset).expanduser()
    known = is_table(path.name)
    if not dataset:
        raise FairTuneError(f"No --dataset is given; name the images for the model: a Hub id, folder or {KINDS} file.")
    if not path.exists() and (known or path.is_absolute() or dataset.startswith((".", "~"))):
        raise FairTuneError(f"`{dataset}` does not exist; give a Hub id, a folder or a {KINDS} file.")
    if path.is_file() and not known:
        raise FairTuneError(f"`{dataset}` is no {KINDS} file; give one of these, a folder or a Hub id.")


def _load(dataset: str, path: Path) -> dict[str, Dataset]:
    """Open what `datasets` reads: a Parquet file, a saved dataset, a folder of images or a Hub id."""
    try:
        if path.is_file():
            found = Dataset.from_parquet(str(path))
        elif (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
            found = load_from_disk(str(path))
        else:
            # Left to itself, `datasets` takes an image called my-test.png for the test split.
            files = {"train": "**"} if _is_one_table(path) else None
            found = load_dataset(str(path) if path.is_dir() else dataset, data_files=files)
    except Exception as error:  # every builder of `datasets` raises its own kinds
        raise FairTuneError(
            f"`{dataset}` could not be read ({first_line(error)}); check the id or the files."
        ) from error
    parts = dict(found) if isinstance(found, DatasetDict) else {"train": found}
    if not any(map(len, parts.values())):
        raise FairTuneError(f"`{dataset}` has no rows; give a table with one row an image.")
    return parts


def _is_one_table(path: Path) -> bool:
    """Say whether a folder has its metadata at its root and no folder of a split."""
    if not any((path / name).is_file() for name in METADATA):
        return False
    return not any(part.is_dir() and part.name.lower() in SPLIT_NAMES for part in path.iterdir())


def image_column(columns: Collection[str], images: Collection[str], asked: str | None) -> str:
    """Choose the image column: the one asked for, or the first of `images`, or a path column by its name."""
    if asked is not None and asked not in columns:
        raise no_column("image", asked, columns)
    found = [asked] if asked is not None else [*images, *(name for name in PATH_COLUMNS if name in columns)]
    if not found:
        raise FairTuneError(
            f"No column holds images; the columns are {listed(columns, 30)}. Name the one with images or their "
            "paths by --image."
        )
    return found[0]


def attribute_frame(part: Dataset, image: str) -> pd.DataFrame:
    """Return the scalar columns but the image, classes by their names."""
    scalars = [n for n, f in part.features.items() if n != image and isinstance(f, (Value, ClassLabel))]
    frame = part.select_columns(scalars).to_pandas()
    assert isinstance(frame, pd.DataFrame)
    for name in scalars:
        feature = part.features[name]
        if isinstance(feature, ClassLabel):
            frame[name] = frame[name].map(dict(enumerate(feature.names)))
    return frame


def image_dataset(part: Dataset, image: str, root: Path | None) -> Dataset:
    """Return one column `image` of undecoded images; relative paths start from `root`."""
    feature = part.features[image]
    if isinstance(feature, Image):
        only = part.select_columns([image])
        only = only if image == "image" else only.rename_column(image, "image")
        return only.cast_column("image", Image(decode=False))
    if not (isinstance(feature, Value) and feature.dtype in ("string", "large_string", "string_view")):
        raise FairTuneError(f"The column `{image}` holds neither images nor paths; name another one by --image.")
    paths = part.with_format(None)[image][:]
    empty = sum(not path for path in paths)
    if empty:
        raise FairTuneError(f"`{image}` is empty in {empty} of {len(paths)} rows; fill the paths in or drop the rows.")
    absolute = [path if ADDRESS.match(path) else _with_ending((root or Path()) / path.strip()) for path in paths]
    return Dataset.from_dict({"image": absolute}, features=Features({"image": Image(decode=False)}))


def _with_ending(path: Path) -> str:
    """Return the path of an image; that of an id, such as ISIC_0024327, with the ending of the file that is there."""
    if path.suffix.lower() in IMAGES or os.path.isfile(path):
        return str(path)
    return next((str(path) + ending for ending in ENDINGS if os.path.isfile(f"{path}{ending}")), str(path))


def trimmed_paths(part: Dataset, image: str) -> int:
    """Count the paths with blanks at their ends, which are left out."""
    if isinstance(part.features[image], Image):
        return 0
    return sum(path != path.strip() for path in part.with_format(None)[image][:] if path)


def _given(parts: dict[str, Dataset], frame: pd.DataFrame) -> list[str] | None:
    """Return the split of every row where splits of the data, or a column `split`, say it."""
    if len(parts) > 1:
        column = pd.Series([name for name, part in parts.items() for _ in range(len(part))], name=SPLIT_COLUMN)
    elif SPLIT_COLUMN in frame:
        column = named_column(frame, SPLIT_COLUMN, "split")
    else:
        return None
    found: list[str] = split_names(column).tolist()
    if "train" not in found:
        raise FairTuneError(
            f"The data have the splits {listed(sorted(set(found)))}; wanted are train and, if any, validation and "
            "test. Rename them, or give one table without splits."
        )
    return found
