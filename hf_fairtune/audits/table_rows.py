"""The rows of a scored table by target and attribute, and which of an attribute's groups is the reference."""

from collections.abc import Sequence

import numpy as np

from ..data.attributes import Attribute
from ..data.scored_table import ScoredTable
from .engine.rows import ScoredRows, check_rows

ALL_ROWS = "all rows"


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
        return check_rows(labels, ranked, np.zeros_like(labels), [ALL_ROWS], clusters, table.weights)
    return check_rows(labels, ranked, attribute.values, attribute.names, clusters, table.weights)
