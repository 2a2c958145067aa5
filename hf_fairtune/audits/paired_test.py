"""The test that two models on the same rows have the same AUC."""

from __future__ import annotations

import numpy as np

from ..intervals.auc_test import clustered_difference_test
from ..intervals.estimate import NAN
from ..intervals.paired_delong import paired_delong
from ..metrics.auc import auc
from ..metrics.rows import Rows
from .guards import ESTIMABLE
from .pairing import Pairing


def paired_p(pairing: Pairing, code: int | None = None) -> float:
    """Compute the two-sided p that model and reference have the same AUC, not adjusted for the number of groups.

    DeLong's paired test for independent rows (`paired_delong`); a t test with the error of the paired cluster
    bootstrap otherwise (`clustered_difference_test`).

    Args:
        code: of a group; None for the whole split.

    Returns:
        NaN with fewer than 10 independent positives or negatives, where there is no bootstrap to read an error off,
        and where nothing varies.
    """
    rows, other = pairing.model.rows, pairing.reference.rows
    inside = np.ones(len(rows.labels), dtype=bool) if code is None else rows.groups == code
    fewest = _fewest(rows, inside)
    if fewest < ESTIMABLE:
        return NAN
    labels, scores = rows.labels[inside], (rows.scores[inside], other.scores[inside])
    if rows.clusters is None:
        return paired_delong(labels, *scores).p
    if pairing.replicates is None:
        return NAN
    place = -1 if code is None else code
    first, second = (draws.auc[:, place] for draws in pairing.replicates)
    values = auc(labels, scores[0]), auc(labels, scores[1])
    return clustered_difference_test(values, (first, second), fewest).p


def _fewest(rows: Rows, inside: np.ndarray) -> int:
    """Count the independent cases of the scarcer class."""
    units = np.arange(len(rows.labels)) if rows.clusters is None else rows.clusters
    return min(len(np.unique(units[inside & (rows.labels == label)])) for label in (0, 1))
