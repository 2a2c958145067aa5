"""Equity-scaled AUC (ES-AUC).

Definition: AUC / (1 + sum over groups of |AUC - AUC of the group|), AUC being that of all rows.

Range: 0 to 1; never above the AUC, and equal to it where every group has the AUC of all rows.

Direction: Higher is better.

Traps: It sums deviations, so it falls with the number of groups: at an AUC of 0.85 groups that lie 0.03 from it give
0.802 where there are two, 0.759 where there are four, 0.685 where there are eight. Never compare it between attributes
with different numbers of groups. Small groups deviate by chance, which lowers it as well. The AUC of all rows also
holds pairs of rows from different groups and may lie above or below every group's.

Citation: Luo et al. 2024, "FairVision: equitable deep learning for eye disease screening via fair identity scaling";
Tian et al. 2024, "FairSeg: a large-scale medical image segmentation dataset for fairness learning", ICLR, for equity
scaling.
"""

from __future__ import annotations

import numpy as np


def es_auc(overall: np.ndarray | float, by_group: np.ndarray) -> np.ndarray:
    """Scale an AUC by how far the groups' lie from it.

    Args:
        overall: AUC of all rows, [...].
        by_group: AUC of each group, [..., n_groups]; a NaN among them makes the value NaN.

    Returns:
        One value for each leading index, [...].
    """
    whole = np.asarray(overall, dtype=np.float64)
    return whole / (1 + np.abs(whole[..., None] - by_group).sum(axis=-1))
