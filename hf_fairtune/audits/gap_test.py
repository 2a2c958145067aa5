"""The test that all groups' AUCs are equal, where it can be made."""

from __future__ import annotations

import numpy as np

from ..intervals.estimate import NAN
from ..intervals.gap_null import GapNull, gap_null
from .evidence import Evidence
from .guards import too_few


def audit_gap_test(evidence: Evidence, permutations: int = 1000, seed: int = 0) -> GapNull:
    """Permute the included groups and compare their gap with the gap that chance alone makes (see `gap_null`).

    Args:
        permutations: how many; 0 for none.
        seed: of the generator.

    Returns:
        Mean, 95th percentile, p and number of permutations; NaN with a reason where a group has no AUC, fewer than
        two groups take part, or the rows may not be permuted.
    """
    rows, kept = evidence.rows, list(evidence.included)
    if len(kept) < 2:
        return GapNull(NAN, NAN, reason=f"no permutation: {too_few(len(kept))}")
    if not rows.counts()[kept].all():
        return GapNull(NAN, NAN, reason="no permutation: a group lacks a class")
    if not permutations:
        return GapNull(NAN, NAN, reason="no permutation: 0 asked for")
    inside = np.isin(rows.groups, kept)
    clusters = None if rows.clusters is None else rows.clusters[inside]
    return gap_null(rows.labels[inside], rows.scores[inside], rows.groups[inside], clusters, permutations, seed)
