"""What an audit of some rows could find, said before a model is trained for it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..intervals.power import Counts, detectable_difference

ASSUMED_AUC = 0.85


def foresight(counts: Mapping[str, Counts], auc: float = ASSUMED_AUC) -> str:
    """Say which difference of AUC these rows can show, for the group that shows least; rows of one patient count each.

    Args:
        counts: positives and negatives of each group, two groups or more.
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
    positives, negatives = counts[group]
    cases = f"{group} ({positives} with, {negatives} without the finding)"
    if math.isnan(found[group]):
        return f"no difference of AUC between {cases} and {reference} can be found"
    return (
        f"a true difference of AUC of {found[group]:.2f} between {cases} and {reference} would be found in 4 of 5 "
        f"such audits, if the AUC of {reference} is {auc:g}; a smaller one may go unseen"
    )
