"""A table of images that is given as an object of `datasets`, in place of where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from datasets import Dataset

from ..errors import FairTuneError

# All rows, or splits by name; None where nothing is given.
Table: TypeAlias = Dataset | Mapping[str, Dataset] | None


def parts_of(table: Dataset | Mapping[str, Dataset]) -> dict[str, Dataset]:
    """Return the splits of a table, each without format or transform.

    Raises:
        FairTuneError: it is a stream, or no object of `datasets`, or without rows.
    """
    parts = dict(table) if isinstance(table, Mapping) else {"train": table}
    for part in parts.values():
        if not isinstance(part, Dataset):
            raise FairTuneError(
                f"`table` is of type {type(part).__name__}; give a Dataset or a DatasetDict of `datasets`, whose rows "
                "can be counted and divided."
            )
    if not any(map(len, parts.values())):
        raise FairTuneError("`table` has no rows; give a table with one row an image.")
    return {name: part.with_format(None) for name, part in parts.items()}
