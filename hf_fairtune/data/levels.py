"""Cells of a table as text levels: 1, 1.0 and "1" are one level, empty is missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

LONGEST = 80


def as_levels(column: pd.Series) -> pd.Series:
    """Return `column` as strings, `None` where it is missing or blank.

    Whole floats lose their `.0`: a column of integers with one missing cell is read as floats.
    """
    if column.dtype == object:  # True, 1 and 1.0 are equal there, but not as text
        levels = [_level(value) for value in column]
        return pd.Series(levels, index=column.index, name=column.name, dtype=object)
    codes, values = pd.factorize(column)
    names = np.array([*(_level(value) for value in pd.Series(values)), None], dtype=object)
    return pd.Series(names[codes], index=column.index, name=column.name, dtype=object)


def _level(value: Any) -> str | None:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, (float, np.floating)) and value.is_integer():
        return str(int(value))
    return str(value).strip() or None


def listed(values: Iterable[object], limit: int = 10) -> str:
    """Write values for an error line: the first `limit`, on one line, long ones cut short, then how many more."""
    lines = (" ".join(str(value).split()) for value in values)
    texts = [text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..." for text in lines]
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more
