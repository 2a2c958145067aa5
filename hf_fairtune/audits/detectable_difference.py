"""What an audit of some rows could find, before a model is trained for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .engine.auc_tests import Counts, detectable_difference

ASSUMED_AUC = 0.85


@dataclass(frozen=True)
class Detectable:
    """The smallest `difference` of AUC that 4 of 5 such audits find between a group and the reference; NaN for none.

    The group, with its cases, is the one that shows least, the reference the largest; `auc` is assumed of that.
    """

    group: str
    reference: str
    positives: int
    negatives: int
    difference: float
    auc: float


def detectable(counts: Mapping[str, Counts], auc: float = ASSUMED_AUC) -> Detectable:
    """Compute which difference of AUC these rows can show, for the group that shows least.

    Args:
        counts: positives and negatives of each group, two groups or more; rows of one patient count each.
        auc: of the largest group, which is the reference.

    Source: `detectable_difference` (Hanley & McNeil 1982).
    """
    reference = max(counts, key=lambda group: sum(counts[group]))
    found = {
        group: detectable_difference(auc, cases, counts[reference])
        for group, cases in counts.items()
        if group != reference
    }
    group = max(found, key=lambda name: math.inf if math.isnan(found[name]) else found[name])
    return Detectable(group, reference, *counts[group], found[group], auc)
