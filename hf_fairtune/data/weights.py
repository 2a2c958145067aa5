"""Weights of rows: how much of a population, such as that of a survey, each row stands for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..document.data import Reading
from ..errors import FairTuneError
from .columns import named_column, numbers

WEIGHTLESS = "0"


def weighed_rows(
    frame: pd.DataFrame, name: str | None, kept: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray, list[Reading]]:
    """Read the weights of the rows that are `kept`, [n], and leave out those of weight 0.

    Returns:
        Weights of the rows that stay, None where no column is named; which rows these are, [n]; and how many of them
        weighed nothing.

    Raises:
        FairTuneError: a weight is no finite number of 0 or more, or all of them are 0.
    """
    if name is None:
        return None, kept, []
    found = numbers(named_column(frame, name, "weight"), "weight")
    if (found < 0).any():
        row = int((found < 0).argmax())
        raise FairTuneError(
            f"`{name}` is below 0 in {int((found < 0).sum())} of {len(found)} rows, the first in row {row + 1} "
            f"({found[row]:g}); give --weight how many of the population each row stands for."
        )
    if not found.any():
        raise FairTuneError(f"`{name}` is 0 in every row; give --weight a column with weights above 0.")
    left, stay = kept & (found == 0), kept & (found > 0)
    readings = [Reading(name, WEIGHTLESS, "weightless", int(left.sum()))] if left.any() else []
    return found[stay], stay, readings
