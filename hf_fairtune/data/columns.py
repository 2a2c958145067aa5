"""Which column holds the images, and the other columns as a table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from datasets import ClassLabel, Dataset, Features, Image, Value

from ..errors import FairTuneError
from .levels import listed

PATH_COLUMNS = ("image", "file_name", "path", "filename")


def image_column(features: Features, asked: str | None) -> str:
    """Return the image column: the one asked for, or the first of type Image, or a path column by its name.

    Raises:
        FairTuneError: there is none, or the one asked for holds neither images nor paths.
    """
    if asked is not None and asked not in features:
        raise FairTuneError(
            f"--image {asked} names no column of the data; the columns are {listed(features, 30)}. Name one of them."
        )
    images = [name for name, feature in features.items() if isinstance(feature, Image)]
    paths = [name for name in PATH_COLUMNS if name in features]
    candidates = [asked] if asked is not None else [*images, *paths]
    if not candidates:
        raise FairTuneError(
            f"No column holds images; the columns are {listed(features, 30)}. Name the one with images or their "
            "paths by --image."
        )
    chosen = candidates[0]
    if not isinstance(features[chosen], Image) and not _is_text(features[chosen]):
        raise FairTuneError(f"The column `{chosen}` holds neither images nor paths; name another one by --image.")
    return chosen


def attribute_frame(part: Dataset, image: str) -> pd.DataFrame:
    """Return the scalar columns but the image, classes by their names."""
    scalars = [n for n, f in part.features.items() if n != image and isinstance(f, (Value, ClassLabel))]
    frame = part.select_columns(scalars).to_pandas()
    assert isinstance(frame, pd.DataFrame)
    for name in scalars:
        feature = part.features[name]
        if isinstance(feature, ClassLabel):
            names = dict(enumerate(feature.names))
            frame[name] = frame[name].map(names)
    return frame


def image_dataset(part: Dataset, image: str, root: Path | None) -> Dataset:
    """Return one column `image` of undecoded images; relative paths start from `root`.

    Raises:
        FairTuneError: a path is missing.
    """
    if isinstance(part.features[image], Image):
        only = part.select_columns([image])
        only = only if image == "image" else only.rename_column(image, "image")
        return only.cast_column("image", Image(decode=False))
    paths = part.with_format(None)[image][:]
    empty = sum(not path for path in paths)
    if empty:
        raise FairTuneError(f"`{image}` is empty in {empty} of {len(paths)} rows; fill the paths in or drop the rows.")
    absolute = [str((root or Path()) / path) for path in paths]
    return Dataset.from_dict({"image": absolute}, features=Features({"image": Image(decode=False)}))


def _is_text(feature: object) -> bool:
    return isinstance(feature, Value) and feature.dtype in ("string", "large_string", "string_view")
