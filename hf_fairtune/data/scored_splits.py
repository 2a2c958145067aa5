"""Which rows of a table of images a model has not seen: those of its own test split, of the given one, or all."""

from pathlib import Path

import numpy as np

from ..document.document import ALL_ROWS
from ..errors import FairTuneError, listed
from .columns import SPLITS, clusters_of
from .copies import check_one_split, first_of_content
from .identity import Identities
from .leakage import SEEN
from .source import Source
from .splits import read_splits


def split_rows(
    source: Source,
    identities: Identities,
    split: str | None,
    cluster: str | None = None,
    splits_file: Path | None = None,
) -> np.ndarray | None:
    """Return the split of every row, names [n]: by the model's own split file, or as given; None where nothing says.

    Rows are refused if none is in the wanted split, or if the model may have seen those of `all`, which then is the
    split of every row. None is `test`, and refused where nothing says which rows those are. No value of the column
    `cluster`, and no image, may lie in two splits.
    """
    if split not in (None, *SPLITS, ALL_ROWS):
        raise FairTuneError(f"`--split` is {split!r}; choose train, validation, test or all.")
    keys = identities.rows
    where = read_splits(splits_file)[0] if splits_file is not None and splits_file.is_file() else {}
    if split == ALL_ROWS:
        seen = sum(where.get(key) in SEEN for key in keys)
        if seen:
            raise FairTuneError(
                f"The model was trained or chosen on {seen} of {len(keys)} rows, by its splits.json; pass --split "
                "test."
            )
        return np.full(len(keys), ALL_ROWS)
    new = sum(key not in where for key in keys) if where else 0
    if new:
        raise FairTuneError(
            f"The model's splits.json does not know {new} of {len(keys)} rows, so that it may have been trained on "
            "them; give the data it was trained with, or pass --split all if it has seen none of these patients."
        )
    given = [where[key] for key in keys] if where else source.given
    if given is None and split is None:
        raise FairTuneError(
            "Nothing says on which rows the model was trained: it has no splits.json, and the data no column `split`; "
            "write train, validation and test there, or pass --split all if it has seen none of these patients."
        )
    split = split or "test"
    found = np.array(given or ["test"] * len(keys))
    clusters = clusters_of(source.frame, cluster)
    if len(np.unique(found)) > 1:
        check_one_split(found, clusters, first_of_content(identities.images), identities.names.__getitem__)
    if split not in found:
        present = [name for name in SPLITS if name in found]
        raise FairTuneError(f"The data have no row in the {split} split, only in {listed(present)}; pass --split.")
    return None if given is None else found
