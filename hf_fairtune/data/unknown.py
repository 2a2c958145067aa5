"""Words and codes for an unknown value: "not specified", -9, 999."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

UNKNOWN = "unknown"
UNKNOWN_NAMES = {UNKNOWN, "u", "unk", "not specified", "not stated", "not reported", "unspecified", "undisclosed", "?"}
LOW_CODES = (-1.0, -9.0, -99.0, -999.0, -9999.0)
HIGH_CODES = (999.0, 9999.0, 99999.0)


def coded_numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of every row, NaN for none, and which rows have a code or a word for an unknown value."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers, column.str.casefold().isin(UNKNOWN_NAMES).to_numpy() | np.isin(numbers, _codes(numbers))


def _codes(numbers: np.ndarray) -> list[float]:
    """Return which numbers are codes for an unknown value: -1, -9, -99 … or 999, 9999 … far outside of all others."""
    known = numbers[~np.isnan(numbers) & ~np.isin(numbers, (*LOW_CODES, *HIGH_CODES))]
    if not len(known) or known.min() < 0:
        return []
    return [*LOW_CODES, *(code for code in HIGH_CODES if code > 4 * known.max())]


def is_code(name: str, names: Sequence[str]) -> bool:
    """Say whether a value is a code for an unknown one among numbers."""
    numbers = pd.to_numeric(pd.Series(names), errors="coerce").to_numpy(dtype=np.float64)
    return not np.isnan(numbers).any() and float(name) in _codes(numbers)
