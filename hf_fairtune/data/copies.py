"""Images of equal content, whatever they are called."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..errors import FairTuneError, listed


def first_of_content(contents: Sequence[str]) -> np.ndarray:
    """Return for each image the first row of the same content, int64 [n]."""
    same = pd.Series(contents, dtype=object)
    first: np.ndarray = pd.Series(np.arange(len(same))).groupby(same.to_numpy()).transform("min").to_numpy(np.int64)
    return first


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
