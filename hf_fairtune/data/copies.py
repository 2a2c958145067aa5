"""Images of equal content, whatever they are called."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..errors import FairTuneError, listed
from .identity import EncodedImage, encoded

if TYPE_CHECKING:
    from datasets import Dataset

# Images of equal size in bytes mostly differ here already; their ends may be alike: headers, black borders.
MIDDLE = 4096


def first_of_content(images: Dataset) -> np.ndarray:
    """Return for each image of the column `image` the first row whose file has the same bytes, int64 [n].

    Only files of equal size are read, and whole only those that are equal in the middle, too.
    """
    n = len(images)
    first = np.arange(n)
    rows, alike = first, np.zeros(n, dtype=np.int64)
    for key in (_size, _middle, _digest):
        found: list[object] = [key(image) for image in encoded(images.select(rows))] if len(rows) else []
        alike = pd.factorize(pd.Series(list(zip(alike.tolist(), found, strict=True)), dtype=object))[0]
        again = pd.Series(alike).duplicated(keep=False).to_numpy()
        rows, alike = rows[again], alike[again]
    first[rows] = pd.Series(rows).groupby(alike).transform("min").to_numpy() if len(rows) else rows
    return first


def _size(image: EncodedImage) -> int:
    return image.size


def _middle(image: EncodedImage) -> bytes:
    return hashlib.sha256(image.middle(MIDDLE)).digest()


def _digest(image: EncodedImage) -> bytes:
    return hashlib.sha256(image.read()).digest()


def joined(units: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return units, names [n], as before but for those that share a copy, which take the name of one of them.

    `first` is for each row the first of its content.
    """
    names, codes = np.unique(units, return_inverse=True)
    edges = coo_array((np.ones(len(codes)), (codes, codes[first])), shape=(len(names), len(names)))
    part = connected_components(edges, directed=False)[1]
    _, lowest = np.unique(part, return_index=True)
    return np.asarray(names[lowest[part]][codes])


def check_one_split(
    split: np.ndarray, clusters: np.ndarray | None, first: np.ndarray, name: Callable[[int], str]
) -> None:
    """Check that no image and no cluster lies in two splits.

    Args:
        split: of every row, [n].
        clusters: of every row, [n], if there are any.
        first: for each row the first of its content, [n].
        name: of the image in a row.
    """
    advice = "the test would be seen in training: put each in one split, or give the table without splits."
    if clusters is not None:
        splits = pd.Series(split).groupby(clusters).nunique()
        shared = splits.index[splits > 1].tolist()
        if shared:
            raise FairTuneError(f"{len(shared)} clusters lie in more than one split ({listed(shared, 5)}); {advice}")
    moved = np.flatnonzero(split != split[first])
    if len(moved):
        row, other = int(moved[0]), int(first[moved[0]])
        raise FairTuneError(
            f"{len(np.unique(first[moved]))} images lie in more than one split ({name(other)} of {split[other]} has "
            f"the same content as {name(row)} of {split[row]}); {advice}"
        )
