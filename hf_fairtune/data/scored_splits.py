"""Which rows of a table of images a model has not seen: those of its own test split, of the given one, or all."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import FairTuneError
from .identity import Identities
from .levels import listed
from .named_column import clusters_of
from .sheet import check_apart
from .source import SPLITS, Source
from .splits import read_splits

ALL = "all"


def split_rows(
    source: Source, identities: Identities, split: str, cluster: str | None = None, splits_file: Path | None = None
) -> np.ndarray:
    """Return the split of every row, names [n]: as the model's own split file says, as given, or else `test`.

    Args:
        source: the table of images.
        identities: of its images.
        split: the one wanted; where it is `all`, that is what every row's is called.
        cluster: the column of which no value may lie in two splits.
        splits_file: that of the model's folder; None where there is none.

    Raises:
        FairTuneError: no row is in the wanted split, the file divides other rows, the model was trained on rows of
            `all`, or a cluster or an image lies in two splits.
    """
    if split not in (*SPLITS, ALL):
        raise FairTuneError(f"`--split` is {split!r}; choose train, validation, test or all.")
    where = read_splits(splits_file)[0] if splits_file is not None and splits_file.is_file() else {}
    if split == ALL:
        _check_new(identities.rows, where)
        return np.full(len(identities.rows), ALL, dtype=object)
    found = _recorded(identities.rows, where) if where else np.array(source.given or ["test"] * len(source.images))
    clusters = clusters_of(source.frame, cluster)
    check_apart(found, identities.images if clusters is None else clusters.tolist(), clustered=clusters is not None)
    if split not in found:
        present = [name for name in SPLITS if name in found]
        raise FairTuneError(f"The data have no row in the {split} split, only in {listed(present)}; pass --split.")
    return found.astype(object)


def is_divided(source: Source, split: str, splits_file: Path | None = None) -> bool:
    """Say whether the split that `split_rows` finds is told by anything: the model's file, the data, or who asks."""
    known = splits_file is not None and splits_file.is_file()
    return split == ALL or source.given is not None or known


def _recorded(keys: list[str], where: dict[str, str]) -> np.ndarray:
    new = sum(key not in where for key in keys)
    if new:
        raise FairTuneError(
            f"The model's splits.json does not know {new} of {len(keys)} rows, so that it may have been trained on "
            "them; give the data it was trained with, or pass --split all if it has seen none of these patients."
        )
    return np.array([where[key] for key in keys])


def _check_new(keys: list[str], where: dict[str, str]) -> None:
    seen = sum(where.get(key, "test") != "test" for key in keys)
    if seen:
        raise FairTuneError(
            f"The model was trained or chosen on {seen} of {len(keys)} rows, by its splits.json; pass --split test."
        )
