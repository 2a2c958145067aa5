"""Performance-scaled disparity of the AUC (mean and max PSD).

Definition: Mean PSD is the standard deviation of the groups' AUCs (square root of the mean over groups of the squared
deviation from their mean) divided by the AUC of all rows; max PSD is the highest minus the lowest of the groups' AUCs
divided by it.

Range: 0 and up; 0 where all groups have one AUC.

Direction: Lower is better.

Traps: Both are positive between equal groups, by chance alone, the more so the smaller the groups; max PSD also grows
with the number of groups. Never compare them between attributes. A group's sign is lost: read the differences
themselves.

Citation: Luo et al. 2024, "FairVision: equitable deep learning for eye disease screening via fair identity scaling".
"""

from __future__ import annotations

import numpy as np


def mean_psd(overall: np.ndarray | float, by_group: np.ndarray) -> np.ndarray:
    """Scale the standard deviation over groups.

    Args:
        overall: AUC of all rows, [...].
        by_group: AUC of each group, [..., n_groups]; a NaN among them makes the value NaN.

    Returns:
        One value for each leading index, [...].
    """
    return np.asarray(np.std(by_group, axis=-1) / np.asarray(overall, dtype=np.float64))


def max_psd(overall: np.ndarray | float, by_group: np.ndarray) -> np.ndarray:
    """Scale the range over groups; arguments and shapes as for `mean_psd`."""
    return np.asarray(np.ptp(by_group, axis=-1) / np.asarray(overall, dtype=np.float64))
