"""The rows of a scored table by target and attribute, and which of an attribute's groups are left out or named."""

from collections.abc import Sequence

import numpy as np

from ..data.attributes import MISSING, UNKNOWN_NAMES, Attribute
from ..data.scored import ScoredTable
from .engine.resampled_rows import ESTIMABLE
from .engine.rows import ScoredRows, check_rows

ALL_ROWS = "all rows"


def left_out(rows: ScoredRows, attribute: Attribute | None, exclude: Sequence[str]) -> list[str]:
    """Name the groups that are left out: those that `exclude` names, and rows without a value that are too few."""
    if attribute is None:
        return []
    found, few = attribute.within(exclude), rows.cases()[:-1, :2].min(axis=1) < ESTIMABLE
    # Rows without a value are no group of patients: they keep their numbers, and must not undo the others'.
    for name, levels, is_few in zip(attribute.names, attribute.levels, few, strict=True):
        blank = {MISSING, *UNKNOWN_NAMES} & set(map(str.casefold, levels))
        found += [name] if blank and is_few and name not in found else []
    return found


def named_reference(attribute: Attribute | None, names: Sequence[str]) -> list[str]:
    """Return the groups of an attribute that are named; of an intersection else the one whose levels all are."""
    named, joint = [], []
    for name, levels in zip(attribute.names, attribute.levels, strict=True) if attribute else ():
        named += [name] if name in names else []
        joint += [name] if {*levels} <= {*names} else []
    return named or joint


def rows_of(
    table: ScoredTable,
    scores: np.ndarray,
    target: int,
    attribute: Attribute | None,
    clusters: np.ndarray | None = None,
) -> ScoredRows:
    """Return the rows of a target by the groups of an attribute; without one they are one group."""
    labels, ranked = table.labels[:, target], scores[:, target]
    if attribute is None:
        return check_rows(labels, ranked, np.zeros_like(labels), [ALL_ROWS], clusters)
    return check_rows(labels, ranked, attribute.values, attribute.names, clusters)
