"""Labels of -1 beside 0 and 1, as CheXpert writes findings that a report leaves open (Irvin et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from ..document.data import Reading
from ..errors import FairTuneError
from .columns import as_levels, named_column

Uncertain = Literal["drop", "positive", "negative"]
UNCERTAIN = "-1"


def uncertain_rows(column: pd.Series, positive: Sequence[str] = ()) -> np.ndarray:
    """Say of every row, [n], whether its label is -1 beside 0 and 1, as CheXpert writes an uncertain finding."""
    levels = as_levels(column)
    values = set(levels.dropna().unique())
    if not (UNCERTAIN in values <= {UNCERTAIN, "0", "1"}) or UNCERTAIN in map(str, positive):
        return np.zeros(len(column), dtype=bool)
    return levels.eq(UNCERTAIN).to_numpy(dtype=bool)


def certain_rows(
    frame: pd.DataFrame, label: Sequence[str], positive: Sequence[str], uncertain: Uncertain | None
) -> tuple[np.ndarray, list[Reading]]:
    """Say which rows to keep, [n]: those whose label is not uncertain, where uncertain ones are dropped.

    Of several findings all rows stay, as one that is uncertain is a label that is not known.
    """
    kept, readings = np.full(len(frame), True), []
    for name in label if uncertain == "drop" and len(label) == 1 else ():
        unsure = uncertain_rows(named_column(frame, name, "label"), positive)
        kept &= ~unsure
        readings += [Reading(name, UNCERTAIN, "dropped", int(unsure.sum()))] if unsure.any() else []
    return kept, readings


def side_of(column: pd.Series, positive: Sequence[str], uncertain: Uncertain | None) -> str:
    """Return the label that an uncertain one counts as: itself where none is uncertain."""
    n = int(uncertain_rows(column, positive).sum())
    if not n:
        return UNCERTAIN
    if uncertain is None:
        raise FairTuneError(
            f"`{column.name}` is -1 in {n} of {len(column)} rows beside 0 and 1, as where a finding is uncertain; say "
            "what these count as: --uncertain drop, positive or negative."
        )
    assert uncertain != "drop", "rows to drop are left out before"
    return "1" if uncertain == "positive" else "0"
