"""What is said of a split and of the groups before a training."""

import math
from collections.abc import Mapping

from ..audits.engine.auc_tests import Detectable


def classes(sizes: Mapping[str, int]) -> str:
    """List classes with their rows."""
    return ", ".join(f"{name} {n:,}" for name, n in sizes.items())


def detectable(found: Detectable) -> str:
    """Say which difference of AUC the rows of a split can show, for the group that shows least."""
    group = f"{found.group} ({found.positives:,} with, {found.negatives:,} without the finding)"
    if math.isnan(found.difference):
        return f"no difference of AUC between {group} and {found.reference} can be found"
    return (
        f"a true difference of AUC of {found.difference:.2f} between {group} and {found.reference} would be found in "
        f"4 of 5 such audits, if the AUC of {found.reference} is {found.auc:g}; a smaller one may go unseen"
    )


def contrasted(compared: str, contrast: str) -> str:
    """Say which of several groups a bias loss compares, and what becomes of the others' rows."""
    others = {"pair": "; other groups count for the prediction loss alone", "pair_data": "; other groups are left out"}
    return f"{compared}{others.get(contrast, '')}"
